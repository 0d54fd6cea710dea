/** An amount of money: whole cents, never a float, because 0.1 + 0.2 is not 0.3. */
export interface Money {
  readonly cents: number
  /** ISO 4217, such as `EUR`. */
  readonly currency: string
}

/** Makes an amount. @throws RangeError when cents is not a safe integer or the currency not three capital letters. */
export function createMoney(cents: number, currency: string): Money {
  if (!Number.isSafeInteger(cents)) throw new RangeError('Money is a whole number of cents.')
  if (!/^[A-Z]{3}$/.test(currency)) throw new RangeError('A currency has three capital letters.')
  return { cents, currency }
}

/** Adds two amounts. @throws RangeError when the currencies differ: there is no rate here. */
export function addMoney(a: Money, b: Money): Money {
  if (a.currency !== b.currency) throw new RangeError(`${a.currency} and ${b.currency} do not add up.`)
  return createMoney(a.cents + b.cents, a.currency)
}

/** Multiplies by a whole quantity. @throws RangeError for a fraction. */
export function multiplyMoney(money: Money, quantity: number): Money {
  if (!Number.isSafeInteger(quantity)) throw new RangeError('A quantity is a whole number.')
  return createMoney(money.cents * quantity, money.currency)
}

/** Adds a list up. An empty list is zero of `currency`. */
export function sumMoney(amounts: readonly Money[], currency: string): Money {
  return amounts.reduce(addMoney, createMoney(0, currency))
}

/** For people: `EUR 1,234.50`. By string arithmetic, so that no cent is lost above 2^53 / 100. */
export function formatMoney({ cents, currency }: Money): string {
  const digits = String(Math.abs(cents)).padStart(3, '0')
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',')
  return `${currency} ${cents < 0 ? '-' : ''}${whole}.${digits.slice(-2)}`
}
