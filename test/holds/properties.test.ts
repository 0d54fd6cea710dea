import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isHoldfastError } from '../../src/core/index.js'
import { createHolds, defineStock, defineUnits, type Holds } from '../../src/holds/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

// Random orders of everything that can happen to holds, several at once, against a model: nothing below zero, the parts
// are the sum, and no unit has two holds.

const stock = defineStock('stock')
const units = defineUnits('units')
const TOTAL = 12
const RUNS = Number(process.env['HOLDFAST_RUNS'] ?? 25)

let box: TestDatabase
let holds: Holds
beforeAll(async () => {
  box = await openTestDatabase()
  holds = await createHolds(box.db, { from: [stock, units] })
})
afterAll(async () => {
  await holds.close()
  await box.close()
})

interface Known {
  id: string
  state: 'held' | 'expired' | 'confirmed'
}

type Step =
  | { does: 'hold'; amounts: number[] }
  | { does: 'named'; names: number[] }
  | { does: 'confirm' | 'extend' | 'release' | 'refund' | 'expire'; which: number }
  | { does: 'sweep' }

const which = fc.nat(30)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    does: fc.constant('hold' as const),
    amounts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    does: fc.constant('named' as const),
    names: fc.uniqueArray(fc.integer({ min: 1, max: TOTAL }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    does: fc.constantFrom(
      'confirm' as const,
      'extend' as const,
      'release' as const,
      'refund' as const,
      'expire' as const,
    ),
    which,
  }),
  fc.record({ does: fc.constant('sweep' as const) }),
)

test.each(['stock', 'units'] as const)('of %s', async (kind) => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const resource = `${kind}:${run++}`
      await box.db.tx(async (tx) => {
        if (kind === 'stock') await holds.setTotal(tx, stock, resource, TOTAL)
        else
          await holds.addUnits(
            tx,
            units,
            resource,
            Array.from({ length: TOTAL }, (_, n) => String(n + 1)),
          )
      })
      const known: Known[] = []
      for (const each of steps) {
        await play(kind, resource, each, known)
        await check(kind, resource)
      }
    }),
    { numRuns: RUNS },
  )
})

async function play(kind: 'stock' | 'units', resource: string, step: Step, known: Known[]): Promise<void> {
  if (step.does === 'sweep') return await holds.sweep()
  if (step.does === 'hold' || step.does === 'named') {
    if (step.does === 'named' && kind === 'stock') return
    const wants = step.does === 'hold' ? step.amounts.map((any) => ({ any })) : [{ units: step.names.map(String) }]
    const asked = wants.map(async (want) =>
      kind === 'stock'
        ? await holds.hold(stock, resource, { quantity: (want as { any: number }).any })
        : await holds.hold(units, resource, want),
    )
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === 'fulfilled') known.push({ id: outcome.value.id, state: 'held' })
      else expect(['HF_HOLDS_SOLD_OUT', 'HF_HOLDS_TAKEN']).toContain((outcome.reason as { code: string }).code)
    }
    return
  }
  const one = known[step.which % Math.max(1, known.length)]
  if (one === undefined) return
  if (step.does === 'expire') {
    const text = 'update holdfast.holds_taken set expires_at = clock_timestamp() where id = $1 and not is_confirmed'
    if ((await box.db.query(text, [one.id])).rowCount === 1) one.state = 'expired'
  } else if (step.does === 'confirm') {
    const isDone = await succeeds(
      async () => await box.db.tx(async (tx) => await holds.confirm(tx, one.id)),
      'HF_HOLDS_GONE',
    )
    expect(isDone).toBe(one.state !== 'expired' && known.includes(one))
    if (isDone) one.state = 'confirmed'
  } else if (step.does === 'extend') {
    const isDone = await succeeds(async () => await holds.extend(one.id), 'HF_HOLDS_GONE')
    expect(isDone).toBe(one.state !== 'expired')
  } else {
    const isRefund = step.does === 'refund'
    const isDone = await succeeds(
      async () => await holds.release(one.id, { confirmed: isRefund }),
      'HF_HOLDS_CONFIRMED',
    )
    expect(isDone).toBe(isRefund || one.state !== 'confirmed')
    if (isDone) known.splice(known.indexOf(one), 1)
  }
}

async function succeeds(body: () => Promise<unknown>, refusal: string): Promise<boolean> {
  try {
    await body()
    return true
  } catch (error) {
    if (isHoldfastError(error, refusal)) return false
    throw error
  }
}

async function readTaken(name: string): Promise<{ amount: number; units: string[] | null }> {
  const [taken] = await box.db.sql<{ amount: number; units: string[] | null }>`
    select coalesce(sum(quantity), 0)::int as amount, (select array_agg(u) from holdfast.holds_taken h, unnest(h.units) u where h.resource = ${name}) as units
      from holdfast.holds_taken where resource = ${name}`
  return taken ?? { amount: 0, units: null }
}

async function check(kind: 'stock' | 'units', resource: string): Promise<void> {
  const name = `${kind}/${resource}`
  let taken = await readTaken(name)
  let before: typeof taken
  let free: number
  // Housekeeping gives back what has expired whenever it likes: both have to be of one moment ("expected 14 to be 12").
  do {
    before = taken
    free = (await holds.totals(kind === 'stock' ? stock : units, resource)).free
    taken = await readTaken(name)
  } while (before.amount !== taken.amount)
  expect(free).toBeGreaterThanOrEqual(0)
  expect(free + taken.amount).toBe(TOTAL)
  if (kind === 'stock') return
  expect(new Set(taken.units ?? []).size).toBe(taken.amount)
  const { rows } = await box.db.query(
    `select 1 from holdfast.holds_units u where resource = $1 and hold_id is not null
        and not exists (select from holdfast.holds_taken t where t.id = u.hold_id and u.unit = any(t.units))`,
    [name],
  )
  expect(rows).toEqual([])
}
