import { setMaxListeners } from 'node:events'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { arrangeSessions, type FoundSession } from '../../src/locks/blocking-tree.js'
import { createLocks, inspectLocks, type Locks, type LocksOverview } from '../../src/locks/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'

let box: TestDatabase
let [ada, bob]: Locks[] = []
const clients: pg.Client[] = []

beforeAll(async () => {
  box = await openTestDatabase()
  ada = createLocks(box.db, { name: 'ada', logger: quietLogger })
  bob = createLocks(box.db, { name: 'bob', logger: quietLogger })
  await box.db.query('create table orders (id int primary key, note text)')
  await box.db.query(`insert into orders values (1, ''), (2, '')`)
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map(async (client) => await client.end()))
  // Under the feet of those who still wait: it may have to be tried again.
  await eventually(async () => await box.db.query('delete from holdfast.locks_requests'))
})
afterAll(async () => {
  await Promise.all([ada?.close(), bob?.close()])
  await box.close()
})

const inspect = async (key?: string): Promise<LocksOverview> =>
  await inspectLocks(box.db, key === undefined ? {} : { key })

async function openSession(application: string, url = box.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: application })
  client.on('error', () => {})
  await client.connect()
  clients.push(client)
  return client
}

/** Until so many wait. */
async function untilWaiting(key: string, amount: number): Promise<LocksOverview> {
  return await eventually(async () => {
    const overview = await inspect(key)
    expect(overview.opened?.waiters.length ?? 0).toBe(amount)
    return overview
  })
}

async function untilBlocked(amount: number): Promise<LocksOverview> {
  return await eventually(async () => {
    const overview = await inspect()
    expect(overview.blocked.count).toBe(amount)
    return overview
  })
}

/** Begins a wait that is ended with its signal. */
function wait(locks: Locks | undefined, keys: string | string[], signal: AbortSignal): void {
  void locks?.acquire(keys, { signal, waitMs: 60_000, label: 'import' }).catch(() => {})
}

describe('named locks', () => {
  test('none: nothing is wrong', async () => {
    expect(await inspect('a')).toMatchObject({
      isInstalled: true,
      keys: [],
      opened: null,
      verdict: { severity: 'ok', sentence: 'No lock is waited for.' },
    })
  })

  test('the most contended first, with its holder; one can be opened', async () => {
    const end = new AbortController()
    setMaxListeners(0, end.signal)
    await ada?.acquire('quiet')
    const held = await ada?.acquire('report:42', { label: 'nightly', ttlMs: 60_000 })
    await ada?.acquire('read', { mode: 'shared' })
    await bob?.acquire('read', { mode: 'shared' })
    for (let n = 0; n < 22; n++) wait(n % 2 ? ada : bob, 'report:42', end.signal)
    wait(bob, ['quiet', 'zone'], end.signal)
    const overview = await eventually(async () => {
      const found = await inspect('report:42')
      expect(found.waiting.count).toBe(24)
      return found
    })
    expect(overview.keys.map(({ key }) => key)).toEqual(['report:42', 'quiet', 'zone', 'read'])
    const [contended, , zone, read] = overview.keys
    expect(contended).toMatchObject({
      holder: { owner: 'ada', label: 'nightly', mode: 'exclusive', fence: String(held?.fence), isLapsed: false },
      waiting: { count: 22, isMore: false },
    })
    expect(contended?.holder?.leaseLeftMs).toBeGreaterThan(30_000)
    expect(contended?.longestWaitMs).not.toBeNull()
    expect(zone?.holder).toBeNull()
    expect(read).toMatchObject({ holder: { mode: 'shared' }, holders: { count: 2 }, longestWaitMs: null })
    expect(overview.opened?.waiters).toHaveLength(20)
    expect(overview.opened?.holders).toMatchObject([{ owner: 'ada' }])
    expect(overview.opened?.waiters[0]).toMatchObject({ label: 'import', mode: 'exclusive', keys: 1, isLapsed: false })
    const waits = overview.opened?.waiters.map(({ waitedMs }) => waitedMs) ?? []
    expect(waits).toEqual(waits.toSorted((a, b) => b - a))
    expect(overview.verdict).toMatchObject({ severity: 'watch' })
    expect(overview.verdict.sentence).toMatch(/^22 requests wait for report:42, for up to \d+ s; ada has held it for /)
    expect((await inspect('zone')).opened).toMatchObject({ holders: [], waiters: [{ keys: 2 }] })
    end.abort()
    await held?.release()
  })

  test('a wait above five seconds is worth a look, one below is not', async () => {
    const end = new AbortController()
    const held = await ada?.acquire('a')
    wait(bob, 'a', end.signal)
    await untilWaiting('a', 1)
    const { verdict } = await inspect()
    expect(verdict.sentence).toMatch(/^1 lock is held, nobody waits for more than \d s\.$/)
    await box.db.query(`update holdfast.locks_requests set asked_at = now() - interval '7 seconds' where fence is null`)
    expect((await inspect()).verdict).toMatchObject({
      severity: 'watch',
      sentence: expect.stringMatching(/^1 request waits for a, for up to 7 s; ada has held it for/),
    })
    end.abort()
    await held?.release()
  })

  test('one whose lease has lapsed while somebody waits; one whose process is not known; a waiter that has died', async () => {
    await box.db.query(
      `insert into holdfast.locks_owners (name, seen_at) values ('gone', now() - interval '1 minute'), ('here', now())`,
    )
    const add = async (key: string, owner: string, fence: number | null) =>
      await box.db.query(
        `insert into holdfast.locks_requests (key, ticket, owner, is_shared, amount, ttl_ms, fence, asked_at, held_at)
         select $1, nextval('holdfast.locks_tickets'), coalesce((select max(id) from holdfast.locks_owners where name = $2), -1), false, 1, 30000,
                $3::bigint, now() - interval '1 minute', case when $3::bigint is not null then now() - interval '1 minute' end`,
        [key, owner, fence],
      )
    await add('a', 'gone', 7)
    expect((await inspect()).verdict.severity).toBe('ok')
    await add('a', 'gone', null)
    const withDead = await inspect('a')
    expect(withDead.keys[0]).toMatchObject({ waiting: { count: 0 }, holder: { isLapsed: true, owner: 'gone' } })
    expect(withDead.opened?.waiters).toMatchObject([{ isLapsed: true }])
    await add('a', 'here', null)
    const { verdict } = await inspect()
    expect(verdict.severity).toBe('act')
    expect(verdict.sentence).toMatch(/^The lease of gone on a lapsed (29|30|31) s ago, and 1 request waits for it\.$/)
    await box.db.query(`delete from holdfast.locks_requests where fence is not null`)
    await add('a', 'nobody', 8)
    expect((await inspect()).keys[0]?.holder).toMatchObject({ owner: null, leaseLeftMs: null, isLapsed: true })
    expect((await inspect()).verdict.sentence).toContain('a process that is gone')
  })

  test('a circle is named with its keys and owners', async () => {
    const end = new AbortController()
    const [a, b] = [await ada?.acquire('a'), await bob?.acquire('b')]
    // As one whose process is stopped: nobody ends it.
    await box.db.query(`
      insert into holdfast.locks_requests (key, ticket, owner, is_shared, amount, ttl_ms, within)
      select case key when 'a' then 'b' else 'a' end, nextval('holdfast.locks_tickets'), owner, false, 1, 60000, ticket
        from holdfast.locks_requests order by key`)
    const { circles, verdict } = await inspect()
    expect(circles).toHaveLength(1)
    expect(circles[0]?.toSorted((x, y) => String(x.owner).localeCompare(String(y.owner)))).toMatchObject([
      { owner: 'ada', holds: ['a'], wants: ['b'] },
      { owner: 'bob', holds: ['b'], wants: ['a'] },
    ])
    expect(verdict.severity).toBe('act')
    expect(verdict.sentence).toMatch(/^2 requests wait for each other in a circle: .*ada holds a and wants b/)
    end.abort()
    await Promise.all([a?.release(), b?.release()])
  })

  test('a search for circles that takes too long is given up, and the rest is shown', async () => {
    await box.db.query(
      `insert into holdfast.locks_owners (name, seen_at) values ('queue', now() + interval '1 minute')`,
    )
    await box.db.query(`
      insert into holdfast.locks_requests (key, ticket, owner, is_shared, amount, ttl_ms, within, fence, held_at)
      select 'hot', nextval('holdfast.locks_tickets'), o.id, false, 1, 60000, case when n > 60 then 1 end,
             case when n = 1 then 1 end, case when n = 1 then now() end
        from generate_series(1, 64) n, holdfast.locks_owners o where o.name = 'queue' order by n`)
    const { late, keys, verdict } = await inspect()
    expect(keys[0]).toMatchObject({ key: 'hot', waiting: { count: 63 } })
    // A server that finds a better way is as well.
    expect(late.filter((part) => part !== 'circles')).toEqual([])
    expect([verdict.sentence, ...verdict.also].some((each) => each.includes('reading circles'))).toBe(late.length > 0)
  })

  test('many requests: it looks at the oldest and the newest, by index, and says so', async () => {
    await box.db.query(
      `insert into holdfast.locks_owners (name, seen_at) values ('crowd', now() + interval '1 minute')`,
    )
    await box.db.query(`
      insert into holdfast.locks_requests (key, ticket, owner, is_shared, amount, ttl_ms, fence, held_at)
      select case when n > 17000 then 'hot' else 'k' || n end, nextval('holdfast.locks_tickets'), max(o.id), false, 1, 60000,
             case when n <= 17000 then n end, case when n <= 17000 then now() end
        from generate_series(1, 20000) n, holdfast.locks_owners o where o.name = 'crowd' group by n order by n`)
    const { isPartial, held, waiting, keys } = await inspect()
    expect({ isPartial, held, waiting }).toEqual({
      isPartial: true,
      held: { count: 1_000, isMore: true },
      waiting: { count: 1_000, isMore: true },
    })
    expect(keys).toHaveLength(50)
    expect(keys[0]).toMatchObject({ key: 'hot', holder: null, waiting: { count: 1_000, isMore: true } })
    // Neither among the oldest nor the newest, but asked for.
    expect((await inspect('k9000')).keys.map(({ key }) => key)).toContain('k9000')
    expect((await inspect('k9000')).opened?.holders).toMatchObject([{ owner: 'crowd' }])
  })
})

describe('sessions', () => {
  test('a tree of who waits for whom: the root idles in a transaction; no literal is shown', async () => {
    const [root, first, second] = await Promise.all(
      ['billing', 'web', 'batch'].map(async (name) => await openSession(name)),
    )
    await root?.query('begin')
    await root?.query(`update orders set note = 'secret-1' where id = 1`)
    const [waitsFirst] = [first?.query(`update orders set note = 'secret-2' where id = 1 and 4711 = 4711`)]
    await untilBlocked(1)
    const waitsSecond = second?.query('update orders set note = $1 where id = $2', ['secret-3', 1])
    const { sessions, verdict } = await untilBlocked(2)
    expect(sessions.map(({ application, depth, blocks }) => [application, depth, blocks])).toEqual([
      ['billing', 0, 2],
      ['web', 1, 1],
      ['batch', 2, 0],
    ])
    expect(sessions[0]).toMatchObject({
      state: 'idle in transaction',
      lock: null,
      blockedBy: [],
      query: 'update orders set note = ? where id = ?',
    })
    expect(sessions[1]).toMatchObject({
      state: 'active',
      lock: { type: 'transactionid', mode: 'ShareLock', relation: 'orders' },
      blockedBy: [sessions[0]?.pid],
      query: 'update orders set note = ? where id = ? and ? = ?',
    })
    expect(sessions[2]).toMatchObject({
      lock: { type: 'tuple', relation: 'orders' },
      query: 'update orders set note = $1 where id = $2',
    })
    expect(JSON.stringify(sessions)).not.toMatch(/secret|4711/)
    expect(verdict).toMatchObject({
      severity: 'ok',
      sentence: expect.stringMatching(/^Nobody waits for more than \d s\.$/),
    })
    await root?.query('commit')
    await Promise.all([waitsFirst, waitsSecond])
    expect((await inspect()).sessions).toEqual([])
  })

  test('after five seconds: idle in a transaction is for acting, a long statement for watching', async () => {
    const [idle, busy, one, other] = await Promise.all(
      ['idle', 'busy', 'one', 'other'].map(async (name) => await openSession(name)),
    )
    await idle?.query('begin')
    await idle?.query('select * from orders where id = 1 for update')
    await busy?.query('begin')
    await busy?.query('select * from orders where id = 2 for update')
    const sleeping = busy?.query('select pg_sleep(60)').catch(() => {})
    const waits = [one?.query('delete from orders where id = 1'), other?.query('delete from orders where id = 2')]
    for (const each of waits) each?.catch(() => {})
    await untilBlocked(2)
    const { verdict } = await eventually(
      async () => {
        const found = await inspect()
        expect(found.verdict.also).toHaveLength(1)
        return found
      },
      { withinMs: 15_000 },
    )
    const { pid } = (await inspect()).sessions.find(({ application }) => application === 'idle') ?? {}
    expect(verdict.severity).toBe('act')
    expect(verdict.sentence).toMatch(
      new RegExp(`^idle \\(pid ${pid}\\) is idle in transaction for \\d+ s and blocks 1 session, for up to \\d+ s\\.$`),
    )
    expect(verdict.fix).toContain(`pg_terminate_backend(${pid})`)
    expect(verdict.also[0]).toMatch(/^busy \(pid \d+\) runs a statement for \d+ s and blocks 1 session/)
    await runAdmin(
      box.ownerUrl,
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = any($1)',
      [['idle', 'busy', 'one', 'other']],
    )
    await sleeping
  })

  test('of sessions of other roles it shows that they wait, and hides what this role may not see', async () => {
    const root = await openSession('root', box.ownerUrl)
    await root.query('begin')
    await root.query('lock table orders')
    const waiting = (await openSession('mine')).query('select 1 from orders')
    const { sessions } = await untilBlocked(1)
    expect(sessions).toMatchObject([
      { application: 'root', state: null, query: null, blocks: 1 },
      { application: 'mine', state: 'active', lock: { type: 'relation', mode: 'AccessShareLock', relation: 'orders' } },
    ])
    await root.query('commit')
    await waiting
  })

  test('is shown without the tables of locks too, which it says', async () => {
    const bare = await openTestDatabase({ migrated: false })
    try {
      const found = await inspectLocks(bare.db, { key: 'a' })
      expect(found).toMatchObject({ isInstalled: false, keys: [], opened: null, sessions: [] })
      expect(found.verdict).toMatchObject({ severity: 'watch' })
      expect(found.verdict.fix).toContain('holdfast migrate')
    } finally {
      await bare.close()
    }
  })
})

describe('arranging', () => {
  const make = (pid: number, blockedBy: number[], waitedMs = pid): FoundSession => ({
    pid,
    application: '',
    state: 'active',
    stateMs: 0,
    transactionMs: 0,
    waitedMs: blockedBy.length === 0 ? null : waitedMs,
    lock: blockedBy.length === 0 ? null : { type: 'tuple', mode: '', relation: null },
    blockedBy,
    query: null,
  })
  const show = (found: FoundSession[], most = 50) =>
    arrangeSessions(found, most).map(({ pid, depth, blocks }) => [pid, depth, blocks])

  test('one that waits for several stands once, behind the nearest root', () => {
    expect(show([make(1, []), make(2, []), make(3, [1]), make(4, [3, 2])])).toEqual([
      [2, 0, 1],
      [4, 1, 0],
      [1, 0, 1],
      [3, 1, 0],
    ])
  })

  test('a ring that the server has not broken yet, and one who waits for it', () => {
    expect(show([make(1, [2]), make(2, [1]), make(3, [2])])).toEqual([
      [1, 0, 2],
      [2, 1, 1],
      [3, 2, 0],
    ])
    expect(show([make(3, [2]), make(1, [2]), make(2, [1])])).toEqual([
      [2, 0, 2],
      [3, 1, 0],
      [1, 1, 0],
    ])
  })

  test('a crowd is cut at its leaves, and counted before', () => {
    const crowd = Array.from({ length: 60 }, (_, n) => make(n + 10, [2]))
    const shown = show([make(1, []), make(2, [1]), ...crowd], 50)
    expect(shown).toHaveLength(50)
    expect(shown.slice(0, 3)).toEqual([
      [1, 0, 61],
      [2, 1, 60],
      [69, 2, 0],
    ])
  })
})
