import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Tx } from '../../src/core/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase

beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table kept (n int not null)')
})
afterAll(async () => await box.close())

/** What a body does, one after the other. `fails` ends its part with an error of the server, `hides` keeps it to itself. */
type Step = 'insert' | 'read' | { part: Step[]; ends: 'well' | 'throws' | 'fails' | 'hides' }

const { steps } = fc.letrec<{ steps: Step[]; step: Step }>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 4 }),
  step: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constant<Step>('insert'),
    fc.constant<Step>('read'),
    fc.record({ part: tie('steps'), ends: fc.constantFrom('well', 'throws', 'fails', 'hides') }) as fc.Arbitrary<Step>,
  ),
}))

/** Gives the numbers that are to be there, and plays the same on the server. */
async function play(tx: Tx, todo: readonly Step[], next: () => number): Promise<number[]> {
  const kept: number[] = []
  for (const step of todo) {
    if (step === 'insert') {
      const n = next()
      await tx.query('insert into kept values ($1)', [n])
      kept.push(n)
    } else if (step === 'read') await tx.query('select count(*) from kept')
    else kept.push(...(await playPart(tx, step.part, step.ends, next)))
  }
  return kept
}

async function playPart(tx: Tx, part: readonly Step[], ends: string, next: () => number): Promise<number[]> {
  let inner: number[] = []
  try {
    await tx.savepoint(async (deeper) => {
      inner = await play(deeper, part, next)
      if (ends === 'throws') throw new Error('not this')
      if (ends === 'fails') await deeper.query('select 1 / $1::int', [0])
      if (ends === 'hides') await deeper.query('select 1 / $1::int', [0]).catch(() => {})
    })
    expect(ends).toBe('well')
    return inner
  } catch (error) {
    if (ends === 'well') throw error
    return []
  }
}

test('parts that fail are undone and others are kept, however they nest and whatever travels with what', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (todo) => {
      let n = 0
      const kept = await box.db.tx(async (tx) => await play(tx, todo, () => ++n))
      const rows = await box.db.sql<{ n: number }>`delete from kept returning n`
      expect(rows.map((row) => row.n).toSorted((a, b) => a - b)).toEqual(kept)
    }),
    { numRuns: 200 },
  )
})

test('a savepoint around one statement costs no round trip of its own', async () => {
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  await box.db.tx(async (tx) => {
    for (let n = 1; n <= 3; n++)
      await tx.savepoint(async (part) => await part.query('insert into kept values ($1)', [n]))
    await tx.savepoint(async () => {})
  })
  const trips = sent.mock.calls.length
  sent.mockRestore()
  expect(trips).toBe(4)
  expect(await box.db.sql`delete from kept returning n`).toHaveLength(3)
})

test('hundreds of them one after the other are released together, and those that fail are undone alone', async () => {
  await box.db.query('truncate kept')
  const undo = new Error('undo')
  await box.db.tx(async (tx) => {
    for (let n = 0; n < 300; n++) {
      const part = tx.savepoint(async (inner) => {
        await inner.query('insert into kept values ($1)', [n])
        await inner.savepoint(async (innermost) => await innermost.query('insert into kept values ($1)', [1_000 + n]))
        if (n % 3 === 0) throw undo
      })
      await part.catch((error: unknown) => expect(error).toBe(undo))
    }
  })
  const { rows } = await box.db.query<{ n: number }>('select n from kept order by n')
  const good = Array.from({ length: 300 }, (_, n) => n).filter((n) => n % 3 !== 0)
  expect(rows.map(({ n }) => n)).toEqual([...good, ...good.map((n) => 1_000 + n)])
  await box.db.query('truncate kept')
})

test('many that are undone with the one around them leave nothing, and what comes after is kept', async () => {
  await box.db.query('truncate kept')
  await box.db.tx(async (tx) => {
    for (let round = 0; round < 3; round++) {
      const outer = tx.savepoint(async (part) => {
        for (let n = 0; n < 120; n++)
          await part.savepoint(async (inner) => await inner.query('insert into kept values ($1)', [round]))
        if (round === 1) await part.query('select 1 / 0')
      })
      await outer.catch((error: unknown) => expect(error).toMatchObject({ code: '22012' }))
    }
  })
  const { rows } = await box.db.query('select n, count(*)::int as amount from kept group by n order by n')
  expect(rows).toEqual([
    { n: 0, amount: 120 },
    { n: 2, amount: 120 },
  ])
  await box.db.query('truncate kept')
})

test('a statement that was sent before and not awaited is not part of the savepoint', async () => {
  await box.db.tx(async (tx) => {
    const early = tx.query('insert into kept values ($1)', [1])
    await tx
      .savepoint(async (part) => {
        await part.query('insert into kept values ($1)', [2])
        throw new Error('not this')
      })
      .catch(() => {})
    await early
  })
  expect(await box.db.sql`delete from kept returning n`).toEqual([{ n: 1 }])
})

test('one that is sent in a savepoint and not awaited is undone with it', async () => {
  await box.db.tx(async (tx) => {
    await tx
      .savepoint(async (part) => {
        void part.query('insert into kept values ($1)', [1])
        throw new Error('not this')
      })
      .catch(() => {})
    await tx.query('insert into kept values ($1)', [2])
  })
  expect(await box.db.sql`delete from kept returning n`).toEqual([{ n: 2 }])
})
