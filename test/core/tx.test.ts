import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Tx } from '../../src/core/index.js'
import { startProxy, throughProxy, type Proxy } from '../../src/prove/proxy.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { connectTo } from '../../src/core/index.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table note (id int primary key, text text)')
})
beforeEach(async () => void (await box.db.query('truncate note')))
afterAll(async () => await box.close())

const insert = async (tx: Tx, id: number) => await tx.sql`insert into note values (${id}, 'x')`
const countNotes = async () => (await box.db.sql<{ n: number }>`select count(*)::int as n from note`)[0]?.n

describe('tx', () => {
  test('commits what the body did and gives what it gave', async () => {
    expect(await box.db.tx(async (tx) => (await insert(tx, 1)).length)).toBe(0)
    expect(await countNotes()).toBe(1)
  })

  test('rolls back when the body throws, and throws the same error', async () => {
    const failure = new Error('no')
    await expect(
      box.db.tx(async (tx) => {
        await insert(tx, 1)
        throw failure
      }),
    ).rejects.toBe(failure)
    expect(await countNotes()).toBe(0)
  })

  test('a COMMIT that the server answers with ROLLBACK is an error, with the statement that caused it', async () => {
    const swallow = box.db.tx(async (tx) => {
      await insert(tx, 1)
      await tx.query('select 1/0').catch(() => {})
      return 'all is well'
    })
    await expect(swallow).rejects.toMatchObject({ code: 'HF_TX_ABORTED', cause: { code: '22012' } })
    expect(await countNotes()).toBe(0)
  })

  test('a commit that a deferred constraint refuses throws the server’s error', async () => {
    await box.db.query('create table child (id int references note deferrable initially deferred)')
    await expect(box.db.tx(async (tx) => await tx.query('insert into child values (7)'))).rejects.toMatchObject({
      code: '23503',
    })
    expect((await box.db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await box.db.query('drop table child')
  })

  test('a first statement that fails leaves nothing open, whichever way BEGIN was sent', async () => {
    for (const params of [[], [0]]) {
      const text = params.length === 0 ? 'select 1/0' : 'select 1/$1::int'
      await expect(box.db.tx(async (tx) => await tx.query(text, params))).rejects.toMatchObject({ code: '22012' })
    }
    const open = await box.db.sql`select pid from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`
    expect(open).toEqual([])
  })

  test('several statements in one text, and a named statement, work as the first', async () => {
    await box.db.tx(async (tx) => await tx.query(`insert into note values (1, 'a'); insert into note values (2, 'b')`))
    const named = async (tx: Tx) => await tx.query('select $1::int as n', [7], { name: 'by-number' })
    for (let n = 0; n < 2; n++) expect((await box.db.tx(named)).rows).toEqual([{ n: 7 }])
    expect(await countNotes()).toBe(2)
  })

  test('queries asked for at once run one after the other', async () => {
    await box.db.tx(async (tx) => await Promise.all([1, 2, 3, 4].map(async (id) => await insert(tx, id))))
    expect(await countNotes()).toBe(4)
  })

  test('a tx kept beyond its end refuses', async () => {
    const kept = await box.db.tx(async (tx) => await Promise.resolve(tx))
    await expect(kept.query('select 1')).rejects.toMatchObject({ code: 'HF_TX_CLOSED' })
  })

  test('isolation and readOnly reach the server', async () => {
    const read = async (tx: Tx) => await tx.sql`select current_setting('transaction_isolation') as level`
    expect(await box.db.tx(read, { isolation: 'serializable' })).toEqual([{ level: 'serializable' }])
    await expect(box.db.tx(async (tx) => await insert(tx, 1), { readOnly: true })).rejects.toMatchObject({
      code: '25006',
    })
  })
})

describe('afterCommit', () => {
  test('runs in order after the commit, never after a rollback', async () => {
    const heard: string[] = []
    await box.db.tx(async (tx) => {
      tx.afterCommit(async () => void heard.push(`first sees ${await countNotes()}`))
      tx.afterCommit(() => void heard.push('second'))
      await insert(tx, 1)
    })
    await box.db
      .tx(async (tx) => {
        tx.afterCommit(() => void heard.push('never'))
        await tx.query('select 1/0')
      })
      .catch(() => {})
    expect(heard).toEqual(['first sees 1', 'second'])
  })

  test('an effect that throws is logged and does not undo the answer', async () => {
    const logged: string[] = []
    const keep = (_: object, message: string) => void logged.push(message)
    const logger = { debug: keep, info: keep, warn: keep, error: keep }
    const db = await connectTo({ url: box.url, logger })
    const answer = db.tx(async (tx) => {
      tx.afterCommit(() => {
        throw new Error('mail server is down')
      })
      return await insert(tx, 1)
    })
    await expect(answer).resolves.toEqual([])
    expect(logged).toEqual(['An afterCommit effect failed; the transaction is committed.'])
    await db.close()
  })
})

describe('savepoint', () => {
  test('undoes only its own part, its effects included', async () => {
    const heard: string[] = []
    await box.db.tx(async (tx) => {
      await insert(tx, 1)
      tx.afterCommit(() => void heard.push('outer'))
      await tx
        .savepoint(async (part) => {
          part.afterCommit(() => void heard.push('inner'))
          await insert(part, 1)
        })
        .catch(() => {})
      await insert(tx, 2)
    })
    expect(await countNotes()).toBe(2)
    expect(heard).toEqual(['outer'])
  })
})

describe('deadlines and aborts', () => {
  test('a transaction past its deadline is rolled back even when its body never ends', async () => {
    const never = box.db.tx(
      async (tx) => {
        await insert(tx, 1)
        await new Promise(() => {})
      },
      { deadlineMs: 60 },
    )
    await expect(never).rejects.toMatchObject({ code: 'HF_TX_DEADLINE' })
    expect(await countNotes()).toBe(0)
    expect(box.db.stats().pool.busy).toBe(0)
  })

  test('an abort cancels the running statement and rolls back', async () => {
    const caller = new AbortController()
    const slow = box.db.tx(
      async (tx) => {
        await insert(tx, 1)
        setTimeout(() => caller.abort(), 30)
        await tx.query('select pg_sleep(10)')
      },
      { signal: caller.signal },
    )
    await expect(slow).rejects.toMatchObject({ code: 'HF_QUERY_ABORTED' })
    expect(await countNotes()).toBe(0)
  })
})

describe('repeatable', () => {
  const collide = async (repeatable: boolean) => {
    await box.db.query(`insert into note values (1, '0')`)
    const add = async (tx: Tx) => {
      const [row] = await tx.sql<{ text: string }>`select text from note where id = 1`
      await tx.sql`select pg_sleep(0.05)`
      await tx.sql`update note set text = ${String(Number(row?.text) + 1)} where id = 1`
    }
    const options = { isolation: 'serializable', repeatable, retries: 20 } as const
    return await Promise.allSettled([1, 2, 3].map(async () => await box.db.tx(add, options)))
  }

  test('is run again after a serialization failure', async () => {
    const results = await collide(true)
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(await box.db.sql`select text from note`).toEqual([{ text: '3' }])
  })

  test('without the declaration the failure is the caller’s', async () => {
    const results = await collide(false)
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const result of refused) expect(result).toMatchObject({ reason: { code: '40001' } })
  })
})

describe('a connection that breaks', () => {
  let proxy: Proxy
  const openThroughProxy = async () => {
    const { hostname, port } = new URL(box.url)
    proxy = await startProxy({ host: hostname, port: Number(port) })
    return await connectTo({ url: throughProxy(box.url, proxy) })
  }

  test('before COMMIT was sent: certainly nothing happened', async () => {
    const db = await openThroughProxy()
    const broken = db.tx(async (tx) => {
      await insert(tx, 1)
      proxy.cut()
      await insert(tx, 2)
    })
    await expect(broken).rejects.toMatchObject({ code: 'HF_QUERY_CONNECTION_LOST', retryable: true })
    expect(await countNotes()).toBe(0)
    await db.close()
    await proxy.close()
  })

  test('after COMMIT was sent: the outcome is called unknown', async () => {
    const db = await openThroughProxy()
    const broken = db.tx(async (tx) => {
      await insert(tx, 1)
      // Held back by the proxy: COMMIT is on its way and is never answered.
      proxy.stall(true)
      setTimeout(() => proxy.cut(), 50)
    })
    await expect(broken).rejects.toMatchObject({ code: 'HF_TX_OUTCOME_UNKNOWN', retryable: false })
    await db.close()
    await proxy.close()
  })

  test('in a statement outside any transaction: the outcome is called unknown', async () => {
    const db = await openThroughProxy()
    proxy.stall(true)
    const broken = db.query(`insert into note values (9, 'x')`)
    setTimeout(() => proxy.cut(), 50)
    await expect(broken).rejects.toMatchObject({ code: 'HF_TX_OUTCOME_UNKNOWN' })
    await db.close()
    await proxy.close()
  })
})

describe('round trips, counted as client bursts by a proxy', () => {
  test('one for a query, two for a transaction of one statement (BEGIN travels with it), three without parameters', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const db = await connectTo({ url: throughProxy(box.url, proxy) })
    const start = proxy.bursts()
    for (let n = 0; n < 10; n++) await db.query('select $1::int', [n])
    expect(proxy.bursts() - start).toBe(10)
    for (let n = 0; n < 10; n++) await db.tx(async (tx) => await tx.query('select $1::int', [n]))
    expect(proxy.bursts() - start).toBe(10 + 20)
    for (let n = 0; n < 10; n++) await db.tx(async (tx) => await tx.query('select 1'))
    expect(proxy.bursts() - start).toBe(10 + 20 + 30)
    // A body that asks nothing of the database costs nothing there.
    for (let n = 0; n < 10; n++) await db.tx(async () => await Promise.resolve())
    expect(proxy.bursts() - start).toBe(10 + 20 + 30)
    await db.close()
    await proxy.close()
  })
})
