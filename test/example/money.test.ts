import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addMoney, createMoney, formatMoney, multiplyMoney, sumMoney } from '../../example/src/utils/money.js'

describe('money', () => {
  test('adds and multiplies whole cents', () => {
    expect(addMoney(createMoney(10, 'EUR'), createMoney(20, 'EUR'))).toEqual({ cents: 30, currency: 'EUR' })
    expect(multiplyMoney(createMoney(1995, 'EUR'), 3).cents).toBe(5985)
    expect(sumMoney([], 'EUR').cents).toBe(0)
  })

  test('refuses fractions, unsafe integers and mixed currencies', () => {
    expect(() => createMoney(0.1 + 0.2, 'EUR')).toThrow(RangeError)
    expect(() => createMoney(2 ** 53, 'EUR')).toThrow(RangeError)
    expect(() => createMoney(1, 'euro')).toThrow(RangeError)
    expect(() => multiplyMoney(createMoney(1, 'EUR'), 0.5)).toThrow(RangeError)
    expect(() => addMoney(createMoney(1, 'EUR'), createMoney(1, 'GBP'))).toThrow('EUR and GBP')
  })

  test('shows every amount exactly', () => {
    expect(formatMoney(createMoney(5, 'EUR'))).toBe('EUR 0.05')
    expect(formatMoney(createMoney(-123456789, 'GBP'))).toBe('GBP -1,234,567.89')
    fc.assert(
      fc.property(fc.maxSafeInteger(), (cents) => {
        const shown = formatMoney(createMoney(cents, 'EUR')).slice(4).replaceAll(',', '').replace('.', '')
        expect(Number(shown)).toBe(cents === 0 ? 0 : cents)
      }),
    )
  })
})
