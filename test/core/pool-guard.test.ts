import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectTo, isHoldfastError, type Db } from '../../src/core/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
let slow: Server
let slowUrl: string
beforeAll(async () => {
  box = await openTestDatabase()
  slow = createServer((_request, response) => void setTimeout(() => response.end('ok'), 120))
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  slowUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
})
afterAll(async () => {
  slow.closeAllConnections()
  await new Promise((resolve) => slow.close(resolve))
  await box.close()
})

interface Warning {
  code?: string
  heldFrom?: string
  asksAt?: string
}

async function withPool<T>(options: object, body: (db: Db, warnings: Warning[]) => Promise<T>): Promise<T> {
  const warnings: Warning[] = []
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, error: ignore, warn: (fields: Warning) => void warnings.push(fields) }
  const db = await connectTo({ url: box.url, nested: 'report', pool: { max: 5 }, logger, ...options })
  try {
    return await body(db, warnings)
  } finally {
    await db.close()
  }
}

/** The fault: a helper that logs through the pool, called from inside a transaction. */
async function audit(db: Db): Promise<void> {
  await db.query('select 1 as audited')
}

async function handle(db: Db): Promise<void> {
  await db.tx(async (tx) => {
    await tx.query('select pg_sleep(0.01)')
    await audit(db)
  })
}

describe('a pool whose every client is held by a transaction that waits for another one', () => {
  test('is freed within 150 ms: one victim, the others finish, both lines are named', async () => {
    await withPool({}, async (db) => {
      const started = performance.now()
      const results = await Promise.allSettled(Array.from({ length: 5 }, async () => await handle(db)))
      const tookMs = performance.now() - started
      const failed = results.filter((each) => each.status === 'rejected').map(({ reason }) => reason as Error)
      expect(failed).toHaveLength(1)
      expect(isHoldfastError(failed[0], 'HF_POOL_DEADLOCK')).toBe(true)
      expect(failed[0]?.message).toMatch(/handle \(.*pool-guard\.test\.ts:\d+/)
      expect(failed[0]?.message).toMatch(/audit \(.*pool-guard\.test\.ts:\d+/)
      expect(tookMs).toBeLessThan(1_000)
      expect(db.stats().pool).toMatchObject({ busy: 0, waiting: 0, deadlocks: 1 })
    })
  })

  test('is freed too when the second checkout is a transaction, or two deep', async () => {
    await withPool({ pool: { max: 4 } }, async (db) => {
      const deep = async () =>
        await db.tx(async (outer) => {
          await outer.query('select 1')
          await db.tx(async (inner) => {
            await inner.query('select pg_sleep(0.01)')
            await audit(db)
          })
        })
      const results = await Promise.allSettled(Array.from({ length: 4 }, deep))
      expect(results.some(({ status }) => status === 'fulfilled')).toBe(true)
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'HF_POOL_DEADLOCK' })
      }
    })
  })

  test('nobody is ended while HTTP answers are awaited; once they are there, the deadlock is broken', async () => {
    await withPool({ acquireMs: 600 }, async (db) => {
      const held = async () =>
        await db.tx(async (tx) => {
          await tx.query('select pg_sleep(0.01)')
          await Promise.all([fetch(slowUrl).then(async (each) => await each.text()), audit(db)])
        })
      const results = await Promise.allSettled(Array.from({ length: 5 }, held))
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    })
  })
})

describe('one single request is enough to find the fault', () => {
  test('in tests it throws, naming both lines', async () => {
    await withPool({ nested: 'throw' }, async (db) => {
      const error = await handle(db).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'HF_POOL_NESTED_CHECKOUT' })
      expect((error as Error).message).toMatch(/audit \(.*inside the transaction that began at handle \(/)
    })
  })

  test('in production it is reported once per pair of lines', async () => {
    await withPool({}, async (db, warnings) => {
      for (let n = 0; n < 3; n++) await handle(db)
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatchObject({ code: 'HF_POOL_NESTED_CHECKOUT' })
      expect(db.stats().pool.nestedCheckouts).toBe(1)
    })
  })
})

describe('what is no fault and must not be reported', () => {
  const rounds = async (db: Db, body: () => Promise<unknown>) => {
    await Promise.all(Array.from({ length: 60 }, body))
    return db.stats().pool
  }

  test('queries beside a transaction', async () => {
    await withPool({}, async (db, warnings) => {
      const pool = await rounds(db, async () => {
        await Promise.all([db.tx(async (tx) => await tx.query('select pg_sleep(0.002)')), db.query('select 1')])
      })
      expect(pool).toMatchObject({ deadlocks: 0, nestedCheckouts: 0, timeouts: 0 })
      expect(warnings).toEqual([])
    })
  })

  test('work that nobody waits for, also while the transaction awaits HTTP or a timer', async () => {
    await withPool({}, async (db, warnings) => {
      const loose: Promise<unknown>[] = []
      const pool = await rounds(db, async () => {
        await db.tx(async (tx) => {
          await tx.query('select 1')
          const forgotten = db.query('select 2')
          loose.push(forgotten.catch(() => {}))
          await new Promise((resolve) => setTimeout(resolve, 80))
          await tx.query('select 3')
        })
      })
      await Promise.all(loose)
      expect(pool).toMatchObject({ deadlocks: 0, nestedCheckouts: 0, timeouts: 0 })
      expect(warnings).toEqual([])
    })
  })

  test('HTTP awaited in a transaction, with every client held', async () => {
    await withPool({}, async (db, warnings) => {
      const pool = await rounds(db, async () => {
        await db.tx(async (tx) => {
          await tx.query('select 1')
          await (await fetch(slowUrl)).text()
        })
      })
      expect(pool).toMatchObject({ deadlocks: 0, nestedCheckouts: 0 })
      expect(warnings).toEqual([])
    })
  })

  test('a process that stood still while a transaction waited for something short', async () => {
    await withPool({}, async (db, warnings) => {
      await db.tx(async (tx) => {
        await tx.query('select 1')
        setTimeout(() => {
          for (const endsAt = performance.now() + 450; performance.now() < endsAt;);
        }, 5)
        await new Promise((resolve) => setTimeout(resolve, 60))
        await new Promise((resolve) => setTimeout(resolve, 60))
        await tx.query('select 2')
      })
      expect(warnings).toEqual([])
    })
  })

  test('one request more than the pool has clients, while they are still being opened', async () => {
    for (let n = 0; n < 10; n++) {
      await withPool({ pool: { max: 3 } }, async (db, warnings) => {
        await Promise.all(Array.from({ length: 4 }, async () => await db.tx(async (tx) => await tx.query('select 1'))))
        expect(db.stats().pool).toMatchObject({ deadlocks: 0, nestedCheckouts: 0 })
        expect(warnings).toEqual([])
      })
    }
  })

  test('work that goes on after its transaction has ended', async () => {
    await withPool({}, async (db, warnings) => {
      const late: Promise<unknown>[] = []
      await db.tx(async (tx) => {
        await tx.query('select 1')
        late.push(new Promise((resolve) => setTimeout(resolve, 20)).then(async () => await db.query('select 2')))
      })
      await Promise.all(late)
      expect(warnings).toEqual([])
    })
  })
})
