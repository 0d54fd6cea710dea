import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { assertInvariants, checkInvariants, connectTo, invariant, sql } from '../../src/core/index.js'
import { startProxy, throughProxy } from '../../src/prove/proxy.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
  await box.db.query('create table note (id int primary key, text text)')
})
beforeEach(async () => void (await box.db.query('truncate note')))
afterAll(async () => await box.close())

const countNotes = async () => (await box.db.sql<{ n: number }>`select count(*)::int as n from note`)[0]?.n

describe('tx.batch', () => {
  test('gives the results in order, of fragments and of texts', async () => {
    const results = await box.db.tx(
      async (tx) =>
        await tx.batch([
          sql`insert into note values (${1}, ${'a'}), (${2}, ${null})`,
          { text: 'select id, text from note order by id' },
          sql`update note set text = ${'b'} where id = ${2} returning text`,
          { text: '' },
          {
            text: 'select $1::jsonb as json, $2::bytea as bytes, $3::int[] as list',
            params: [{ a: 1 }, Buffer.from('x'), [1, 2]],
          },
        ]),
    )
    expect(results.map(({ rowCount }) => rowCount)).toEqual([2, 2, 1, null, 1])
    expect(results[1]?.rows).toEqual([
      { id: 1, text: 'a' },
      { id: 2, text: null },
    ])
    expect(results[2]?.rows).toEqual([{ text: 'b' }])
    expect(results[4]?.rows).toEqual([{ json: { a: 1 }, bytes: Buffer.from('x'), list: [1, 2] }])
    expect(await countNotes()).toBe(2)
  })

  test('a statement that fails stops the rest, and nothing is committed', async () => {
    const failing = box.db.tx(
      async (tx) =>
        await tx.batch([sql`insert into note values (1)`, sql`select 1 / ${0}::int`, sql`insert into note values (2)`]),
    )
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(await countNotes()).toBe(0)
    expect((await box.db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('a check that raises keeps what follows from happening; node-postgres’ own pipelining commits it', async () => {
    const fence = `do $$ begin if not exists (select from note where id = 99) then raise exception 'stale fence' using errcode = '55000'; end if; end $$`
    const guarded = box.db.tx(async (tx) => await tx.batch([{ text: fence }, sql`insert into note values (${1})`]))
    await expect(guarded).rejects.toMatchObject({ code: '55000' })
    expect(await countNotes()).toBe(0)
    // The same without one Sync: a client that pipelines as the driver does.
    const client = new pg.Client({ connectionString: box.url, pipeline: true })
    await client.connect()
    await Promise.allSettled([
      client.query(`update note set text = 'x' where id = 99`),
      client.query('insert into note values (1)'),
    ])
    await client.end()
    expect(await countNotes()).toBe(1)
  })

  test('a value that cannot be sent leaves the connection and the transaction usable', async () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    await box.db.tx(async (tx) => {
      await tx.query('select 1')
      await expect(tx.batch([sql`select 1`, { text: 'select $1', params: [circular] }])).rejects.toThrow(/circular/i)
      await tx.sql`insert into note values (${1})`
    })
    expect(await countNotes()).toBe(1)
  })

  test('is one round trip, BEGIN included', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const db = await connectTo({ url: throughProxy(box.url, proxy) })
    const before = proxy.bursts()
    await db.tx(async (tx) => await tx.batch([sql`select ${1}::int`, sql`select ${2}::int`, sql`select ${3}::int`]))
    // One flight, one COMMIT.
    expect(proxy.bursts() - before).toBe(2)
    await db.close()
    await proxy.close()
  })

  test('works one after the other on a client whose internals are not ours', async () => {
    // A client that pipelines by itself is one of them.
    const pool = new pg.Pool({ connectionString: box.url, max: 1, pipeline: true })
    const db = await connectTo({ pool })
    const results = await db.tx(async (tx) => await tx.batch([sql`select ${1}::int as n`, sql`select ${2}::int as n`]))
    expect(results.map(({ rows }) => rows[0] as unknown)).toEqual([{ n: 1 }, { n: 2 }])
    await db.close()
    await pool.end()
  })
})

describe('tx.beforeCommit', () => {
  test('travels with COMMIT: two round trips for a transaction of two statements, one for one of none', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const db = await connectTo({ url: throughProxy(box.url, proxy) })
    await db.query('select 1')
    let before = proxy.bursts()
    await db.tx(async (tx) => {
      tx.beforeCommit(sql`insert into note values (2)`)
      await tx.sql`insert into note values (${1})`
    })
    expect(proxy.bursts() - before).toBe(2)
    expect(await countNotes()).toBe(2)
    before = proxy.bursts()
    await db.tx(async (tx) => {
      tx.beforeCommit({ text: 'insert into note values ($1)', params: [3] })
      return await Promise.resolve()
    })
    expect(proxy.bursts() - before).toBe(1)
    expect(await countNotes()).toBe(3)
    await db.close()
    await proxy.close()
  })

  test('one that raises undoes all, effects after the commit do not happen, and the connection is as good as before', async () => {
    const db = await connectTo({ url: box.url, pool: { max: 1 } })
    const effects: string[] = []
    for (const last of ['select 1 / $1::int', 'not a statement at all', 'insert into note values (7, $1::int / 0)']) {
      const failing = db.tx(async (tx) => {
        await tx.sql`insert into note values (${1})`
        tx.afterCommit(() => void effects.push(last))
        tx.beforeCommit({ text: last, params: last.includes('$1') ? [0] : [] })
      })
      await expect(failing).rejects.toMatchObject({ code: expect.stringMatching(/22012|42601/) as string })
      expect(await countNotes()).toBe(0)
      await db.tx(async (tx) => await tx.sql`select 1`)
    }
    expect(effects).toEqual([])
    const unwritable: Record<string, unknown> = {}
    unwritable['self'] = unwritable
    const refused = db.tx(async (tx) => {
      await tx.sql`insert into note values (${1})`
      tx.beforeCommit({ text: 'select $1', params: [unwritable] })
    })
    await expect(refused).rejects.toThrow(/circular/i)
    expect(await countNotes()).toBe(0)
    await db.close()
  })

  test('where COMMIT itself is refused, that is what is said, and the connection goes on', async () => {
    await box.db.query('create table late (id int references note deferrable initially deferred)')
    const db = await connectTo({ url: box.url, pool: { max: 1 } })
    const refused = db.tx(async (tx) => {
      await tx.query('insert into late values (99)')
      tx.beforeCommit(sql`insert into note values (1)`)
    })
    await expect(refused).rejects.toMatchObject({ code: '23503' })
    expect(await countNotes()).toBe(0)
    await db.tx(async (tx) => await tx.sql`insert into note values (${1})`)
    expect(await countNotes()).toBe(1)
    await db.close()
    await box.db.query('drop table late')
  })

  test('that of a savepoint which is undone is not sent', async () => {
    await box.db.tx(async (tx) => {
      const undone = tx.savepoint(async (inner) => {
        inner.beforeCommit(sql`insert into note values (1)`)
        await inner.query('select 1 / 0')
      })
      await expect(undone).rejects.toMatchObject({ code: '22012' })
      tx.beforeCommit(sql`insert into note values (2)`)
    })
    expect((await box.db.sql`select id from note`).map(({ id }) => id as number)).toEqual([2])
  })

  test('a connection that breaks with COMMIT under way leaves the outcome unknown', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const db = await connectTo({ url: throughProxy(box.url, proxy), pool: { max: 1 } })
    const committing = db.tx(async (tx) => {
      await tx.sql`insert into note values (${1})`
      tx.beforeCommit(sql`select pg_sleep(0.2)`)
      setTimeout(() => proxy.cut(), 50)
    })
    await expect(committing).rejects.toMatchObject({ code: 'HF_TX_OUTCOME_UNKNOWN' })
    await db.close()
    await proxy.close()
  })

  test('one after the other on a client whose internals are not ours', async () => {
    const pool = new pg.Pool({ connectionString: box.url, max: 1, pipeline: true })
    const db = await connectTo({ pool })
    await db.tx(async (tx) => {
      tx.beforeCommit(sql`insert into note values (${1})`)
      return await Promise.resolve()
    })
    const failing = db.tx(async (tx) => {
      await tx.sql`insert into note values (${2})`
      tx.beforeCommit(sql`select 1 / ${0}::int`)
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(await countNotes()).toBe(1)
    await db.close()
    await pool.end()
  })
})

describe('COMMIT that stopped waiting for its standby', () => {
  test('is called unknown, not success', async () => {
    const { rows } = await box.db.query<{ name: string }>(
      `select name from pg_settings where name = 'synchronous_standby_names' and setting <> ''`,
    )
    // A server with a synchronous standby is what the failover test builds; here the warning itself is raised.
    expect(rows).toEqual([])
    await box.db.query(`create function warn() returns trigger language plpgsql as $$
      begin raise warning 'canceling wait for synchronous replication due to user request' using errcode = '01000'; return null; end $$`)
    await box.db.query(`create constraint trigger warns after insert on note deferrable initially deferred
      for each row execute function warn()`)
    const committed = box.db.tx(async (tx) => await tx.sql`insert into note values (${1})`)
    await expect(committed).rejects.toMatchObject({ code: 'HF_TX_OUTCOME_UNKNOWN' })
    expect(await countNotes()).toBe(1)
    await box.db.query('drop trigger warns on note')
  })

  test('a warning raised by the body does not make a commit unknown', async () => {
    await box.db.tx(async (tx) => {
      await tx.query(`do $$ begin raise warning 'mine'; end $$`)
      await tx.sql`insert into note values (${1})`
    })
    expect(await countNotes()).toBe(1)
  })
})

describe('invariants', () => {
  const noBadText = invariant('no note is bad', `select id, text from note where text = 'bad'`)
  const fewNotes = invariant('at most three notes', 'select count(*) as notes from note having count(*) > 3')

  test('hold when no row comes back; a broken one shows its evidence, bounded', async () => {
    expect((await checkInvariants(box.db, [noBadText, fewNotes])).map(({ held }) => held)).toEqual([true, true])
    await box.db.query(`insert into note select n, 'bad' from generate_series(1, 10) as n`)
    const checks = await checkInvariants(box.db, [noBadText, fewNotes])
    expect(checks.map(({ held }) => held)).toEqual([false, false])
    expect(checks[0]?.violations).toHaveLength(3)
    await expect(assertInvariants(box.db, [noBadText])).rejects.toThrow('no note is bad: [{"id":1,"text":"bad"}')
  })

  test('one that cannot run is an error, never a pass', async () => {
    await expect(checkInvariants(box.db, [invariant('typo', 'select from nowhere')])).rejects.toMatchObject({
      code: '42P01',
    })
  })

  test('all are judged on one snapshot', async () => {
    const sums = [1, 2].map((n) => invariant(`sum ${n}`, `select sum(id) as sum, count(*) as n from note`))
    let stop = false
    const writer = (async () => {
      for (let id = 1000; !stop; id++) await box.db.query('insert into note values ($1)', [id])
    })()
    for (let n = 0; n < 20; n++) {
      const [first, second] = await checkInvariants(box.db, sums)
      expect(first?.violations).toEqual(second?.violations)
    }
    stop = true
    await writer
  })
})
