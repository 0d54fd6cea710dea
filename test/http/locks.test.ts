import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHttp, type HttpHandler, type LocksDocument } from '../../src/http/index.js'
import { createLocks, type Locks } from '../../src/locks/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import { FakeDb } from './fake-db.js'

const token = 'correct-horse-battery-staple'
const url = 'http://db.example.com/_holdfast/api/locks'
const headers = { authorization: `Bearer ${token}` }

let box: TestDatabase
let http: HttpHandler
let ada: Locks
let bob: Locks

beforeAll(async () => {
  box = await openTestDatabase()
  http = createHttp(box.db, { token })
  ada = createLocks(box.db, { name: 'ada', logger: quietLogger })
  bob = createLocks(box.db, { name: 'bob', logger: quietLogger })
})

afterAll(async () => {
  http.close()
  await Promise.all([ada.close(), bob.close()])
  await box.close()
})

async function read(query = '', handler = http): Promise<LocksDocument> {
  const answer = await handler.fetch(new Request(`${url}${query}`, { headers }))
  expect(answer.status).toBe(200)
  return (await answer.json()) as LocksDocument
}

async function refusal(query: string): Promise<unknown> {
  const answer = await http.fetch(new Request(`${url}${query}`, { headers }))
  return [answer.status, ((await answer.json()) as { code: string }).code]
}

/** Waits until its signal ends it. */
function wait(locks: Locks, key: string, signal: AbortSignal): void {
  void locks.acquire(key, { signal, waitMs: 60_000 }).catch(() => {})
}

describe('named locks', () => {
  it('says that no lock is waited for', async () => {
    const { isConnected, verdict, keys, sessions } = await read()
    expect({ isConnected, verdict, keys, sessions }).toEqual({
      isConnected: true,
      verdict: { severity: 'ok', sentence: 'No lock is waited for.', also: [] },
      keys: [],
      sessions: [],
    })
  })

  it('shows holders and how many wait; the waiters of a key when it is asked for', async () => {
    const end = new AbortController()
    await using lock = await ada.acquire('report:42', { label: 'nightly' })
    wait(bob, 'report:42', end.signal)
    await eventually(async () => expect((await read()).waiting.count).toBe(1))
    wait(ada, 'report:42', end.signal)
    const document = await eventually(async () => {
      const found = await read('?key=report%3A42')
      expect(found.waiting.count).toBe(2)
      return found
    })
    expect(document.keys).toMatchObject([
      {
        key: 'report:42',
        holder: { owner: 'ada', label: 'nightly', mode: 'exclusive', fence: String(lock.fence), isLapsed: false },
        holders: { count: 1 },
        waiting: { count: 2, isMore: false },
      },
    ])
    expect(document.opened?.waiters.map(({ owner }) => owner)).toEqual(['bob', 'ada'])
    expect(document.verdict.sentence).toMatch(/^1 lock is held, nobody waits for more than \d s\.$/)
    expect((await read()).opened).toBeNull()
    expect((await read('?key=nobody')).opened).toBeNull()
    end.abort()
  })

  it('refuses what is no key', async () => {
    expect(await refusal(`?key=${'x'.repeat(501)}`)).toEqual([400, 'HF_HTTP_PARAMETER'])
    expect(await refusal('?key=a%00b')).toEqual([400, 'HF_HTTP_PARAMETER'])
  })

  it('names a circle', async () => {
    await using first = await ada.acquire('first')
    await using second = await bob.acquire('second')
    // As of processes that are stopped: those that live end it within two seconds.
    await box.db.query(`
      insert into holdfast.locks_requests (key, ticket, owner, is_shared, amount, ttl_ms, within)
      select case key when 'first' then 'second' else 'first' end, nextval('holdfast.locks_tickets'), owner, false, 1, 60000, ticket
        from holdfast.locks_requests where key in ('first', 'second') order by key`)
    const { circles, verdict } = await read()
    await box.db.query('delete from holdfast.locks_requests where fence is null')
    expect(circles).toHaveLength(1)
    expect(circles[0]?.map(({ owner, wants, holds }) => [owner, wants, holds])).toEqual([
      ['ada', ['second'], ['first']],
      ['bob', ['first'], ['second']],
    ])
    expect(verdict.severity).toBe('act')
    expect(verdict.sentence).toContain('ada holds first and wants second')
    expect([first.isHeld, second.isHeld]).toEqual([true, true])
  })
})

describe('sessions', () => {
  it('shows who blocks whom, and no value of a statement', async () => {
    await box.db.query('create table orders (id int primary key, card text)')
    await box.db.query(`insert into orders values (1, '')`)
    const root = new pg.Client({ connectionString: box.url, application_name: 'billing' })
    await root.connect()
    await root.query(`begin; update orders set card = 'secret-4242' where id = 1`)
    const blocked = box.db.query(`update orders set card = 'secret-1' where id = 1`)
    const { sessions, verdict } = await eventually(async () => {
      const found = await read()
      expect(found.blocked.count).toBe(1)
      return found
    })
    await root.query('rollback')
    await blocked
    await root.end()
    expect(sessions).toMatchObject([
      {
        application: 'billing',
        state: 'idle in transaction',
        blocks: 1,
        depth: 0,
        query: 'begin; update orders set card = ? where id = ?',
      },
      {
        depth: 1,
        lock: { type: 'transactionid', relation: 'orders' },
        query: 'update orders set card = ? where id = ?',
      },
    ])
    expect(sessions[1]?.blockedBy).toEqual([sessions[0]?.pid])
    expect(JSON.stringify(sessions)).not.toContain('secret')
    expect(verdict.severity).toBe('ok')
  })
})

describe('what is not there', () => {
  it('tables of locks: it says so, and what to do', async () => {
    const bare = await openTestDatabase({ migrated: false })
    const other = createHttp(bare.db, { token })
    const { isConnected, verdict, keys } = await read('', other)
    other.close()
    await bare.close()
    expect({ isConnected, keys }).toEqual({ isConnected: false, keys: [] })
    expect(verdict).toMatchObject({ severity: 'watch', sentence: expect.stringContaining('not in this database') })
    expect(verdict.fix).toContain('holdfast migrate')
  })

  it('a database that can be asked', async () => {
    const other = createHttp(new FakeDb(), { token })
    const { isConnected, verdict } = await read('', other)
    other.close()
    expect(isConnected).toBe(false)
    expect(verdict.fix).toContain('createHttp(db)')
  })
})
