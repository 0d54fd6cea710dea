import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reduction } from '../../src/clash/replay/reduce.js'
import { listSchedules, type Schedule } from '../../src/clash/replay/schedules.js'
import { isInert, reads } from '../../src/clash/replay/statements.js'

const path = (...texts: string[]) => ({ alone: texts, after: texts })
const careless = path('begin', 'select n from t where id = $1', 'update t set n = $1', 'commit')

const listNew = (reduction: Reduction, lengths: { A: number; B: number }, turns: number): Schedule[] =>
  [...listSchedules(lengths, turns)].filter((schedule) => reduction.isNew(schedule))

test('of six schedules with one turn of two transactions that read and write four are left', () => {
  // A turn behind A's BEGIN is the order B, A; one behind its read is the same whether B has begun or not.
  const kept = listNew(new Reduction({ A: careless, B: careless }), { A: 4, B: 4 }, 1)
  expect(kept).toEqual([
    [
      { side: 'A', steps: 2 },
      { side: 'B', steps: Infinity },
      { side: 'A', steps: Infinity },
    ],
    [
      { side: 'A', steps: 3 },
      { side: 'B', steps: Infinity },
      { side: 'A', steps: Infinity },
    ],
    [
      { side: 'B', steps: 2 },
      { side: 'A', steps: Infinity },
      { side: 'B', steps: Infinity },
    ],
    [
      { side: 'B', steps: 3 },
      { side: 'A', steps: Infinity },
      { side: 'B', steps: Infinity },
    ],
  ])
})

test('a statement that hangs on what the other has done is taken to depend on everything', () => {
  const sure = { A: careless, B: careless }
  const unsure = { ...sure, A: { alone: careless.alone, after: ['begin', 'select m from u', 'commit'] } }
  const count = (paths: typeof sure) => listNew(new Reduction(paths), { A: 4, B: 4 }, 2).length
  expect(count(unsure)).toBeGreaterThan(count(sure))
})

describe('a model of two programs', () => {
  type Step = 'begin' | 'read' | 'write' | 'commit'
  const texts = { begin: 'begin', read: 'select n from t', write: 'update t set n = $1', commit: 'commit' }
  const program = fc.array(fc.constantFrom<Step>('begin', 'read', 'write', 'commit'), { minLength: 1, maxLength: 5 })

  /** A register; what each of them saw, and what is there in the end. */
  function play(order: readonly ('A' | 'B')[], programs: Record<'A' | 'B', Step[]>): string {
    const at = { A: 0, B: 0 }
    const seen: Record<'A' | 'B', string[]> = { A: [], B: [] }
    let register = ''
    for (const side of order) {
      const step = programs[side][at[side]++]
      if (step === 'read') seen[side].push(register)
      if (step === 'write') register = `${side}${at[side]}(${seen[side].at(-1) ?? ''})`
      if (step === 'commit') register += `.${side}`
    }
    return JSON.stringify([register, seen])
  }

  function* interleave(a: number, b: number): Generator<('A' | 'B')[]> {
    if (a === 0 && b === 0) return yield []
    if (a > 0) for (const rest of interleave(a - 1, b)) yield ['A', ...rest]
    if (b > 0) for (const rest of interleave(a, b - 1)) yield ['B', ...rest]
  }

  test('every outcome of any order is one of those that are left', () => {
    fc.assert(
      fc.property(program, program, (A, B) => {
        const toPath = (steps: Step[]) => path(...steps.map((step) => texts[step]))
        const reduction = new Reduction({ A: toPath(A), B: toPath(B) })
        const serial = [A.map(() => 'A' as const), B.map(() => 'B' as const)] as const
        const outcomes = new Set(
          [
            [...serial[0], ...serial[1]],
            [...serial[1], ...serial[0]],
          ].map((order) => play(order, { A, B })),
        )
        const missing: string[] = []
        for (const order of interleave(A.length, B.length)) {
          const outcome = play(order, { A, B })
          const isNew = reduction.isNew(order.map((side) => ({ side, steps: 1 })))
          if (isNew) outcomes.add(outcome)
          else if (!outcomes.has(outcome)) missing.push(order.join(''))
        }
        expect(missing).toEqual([])
      }),
    )
  })
})

test('what does nothing to others, and what only reads', () => {
  for (const text of ['BEGIN', 'begin isolation level serializable', '/* app */ start transaction', 'savepoint a;'])
    expect(isInert(text), text).toBe(true)
  for (const text of ['begin; select 1', 'commit', 'rollback to savepoint a', 'select 1'])
    expect(isInert(text), text).toBe(false)
  for (const text of [
    'select * from t where id = $1',
    'SELECT count(*) FROM "t" WHERE (("t"."id" = $1)) AND a IN ($2)',
  ])
    expect(reads(text), text).toBe(true)
  for (const text of [
    'select * from t for update',
    'select * from t for no key update skip locked',
    'select take_seat($1)',
    `select pg_advisory_xact_lock(1)`,
    `select nextval('a')`,
    'select * into u from t',
    'with a as (delete from t returning 1) select * from a',
    'select 1; delete from t',
  ])
    expect(reads(text), text).toBe(false)
})
