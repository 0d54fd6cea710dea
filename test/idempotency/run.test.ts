import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo, type Tx } from '../../src/core/index.js'
import { createIdempotency, type Idempotency, type IdempotencyOptions } from '../../src/idempotency/index.js'
import { startProxy, throughProxy } from '../../src/prove/proxy.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { runWithout, type Guard } from '../jobs/explore/guards.js'

let box: TestDatabase
let owner: pg.Client
let idempotency: Idempotency
const opened: { close(): Promise<void> }[] = []
beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await box.db.query('create table payment (n int)')
})
beforeEach(async () => {
  await box.db.query('truncate payment')
  await box.db.query('delete from holdfast.idempotency_answers')
  idempotency = createIdempotency(box.db)
  opened.push(idempotency)
})
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
afterAll(async () => {
  await owner.end()
  await box.close()
})

/** As another process has it: a pool and a memory of its own. */
async function another(options: Parameters<typeof connectTo>[0] = {}, given: IdempotencyOptions = {}) {
  const db = await connectTo({ url: box.url, heartbeatMs: 600_000, ...options })
  const other = createIdempotency(db, given)
  opened.push(db, other)
  return { db, idempotency: other }
}

const pay = async (tx: Tx, n = 1) => {
  await tx.sql`insert into payment values (${n})`
  return { paid: n }
}
const payments = async () => (await box.db.query('select n from payment')).rowCount
const answers = async () => (await box.db.query('select 1 from holdfast.idempotency_answers')).rowCount
const call = { scope: 'pay', principal: 'user:1', key: 'k1' }

/** Stands in a transaction that has the key, until it is let go. */
async function holdKey(by: Idempotency, end: 'commit' | 'rollback' = 'commit') {
  let letGo!: () => void
  let begun!: () => void
  const released = new Promise<void>((resolve) => (letGo = resolve))
  const started = new Promise<void>((resolve) => (begun = resolve))
  const run = by.run(call, async (tx) => {
    begun()
    await released
    const answer = await pay(tx)
    if (end === 'rollback') throw new Error('declined')
    return answer
  })
  const ended = run.then(
    () => {},
    () => {},
  )
  await started
  return { run, letGo: async () => (letGo(), await ended) }
}

test('an effect happens once, and its answer comes again', async () => {
  expect(await idempotency.run(call, pay)).toEqual({ value: { paid: 1 }, isReplay: false })
  expect(await idempotency.run(call, pay)).toEqual({ value: { paid: 1 }, isReplay: true })
  const other = await another()
  expect(await other.idempotency.run(call, pay)).toEqual({ value: { paid: 1 }, isReplay: true })
  expect(await payments()).toBe(1)
})

test('an effect without an answer, too', async () => {
  const nothing = async () => await Promise.resolve()
  expect(await idempotency.run(call, nothing)).toEqual({ value: undefined, isReplay: false })
  expect(await idempotency.run(call, nothing)).toEqual({ value: undefined, isReplay: true })
})

test('of twenty at once in two processes one has the effect, and all have its answer', async () => {
  const other = await another()
  const runs = Array.from({ length: 20 }, async (_, n) =>
    (n % 2 === 0 ? idempotency : other.idempotency).run(call, async (tx) => await pay(tx, n)),
  )
  const outcomes = await Promise.all(runs)
  expect(await payments()).toBe(1)
  expect(outcomes.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
  expect(new Set(outcomes.map(({ value }) => value.paid)).size).toBe(1)
})

test('a key belongs to its principal and its scope', async () => {
  for (const scope of ['pay', 'refund'])
    for (const principal of ['user:1', 'user:2', undefined])
      expect((await idempotency.run({ scope, ...(principal && { principal }), key: 'k1' }, pay)).isReplay).toBe(false)
  expect(await payments()).toBe(6)
})

test('another request under a key is refused; members of an object have no order', async () => {
  const ask = async (input: unknown) => await idempotency.run({ ...call, input }, pay)
  await ask({ cents: 500, to: { name: 'a', city: 'b' } })
  expect((await ask({ to: { city: 'b', name: 'a' }, cents: 500 })).isReplay).toBe(true)
  await expect(ask({ cents: 501, to: { name: 'a', city: 'b' } })).rejects.toMatchObject({
    code: 'HF_IDEMPOTENCY_KEY_REUSED',
    status: 422,
  })
  await expect(ask({ cents: 1n })).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_KEY_INVALID' })
  expect(await payments()).toBe(1)
})

test('an effect that throws has not happened, and its key is as good as new', async () => {
  const failing = idempotency.run(call, async (tx) => {
    await pay(tx)
    throw new Error('declined')
  })
  await expect(failing).rejects.toThrow('declined')
  expect([await payments(), await answers()]).toEqual([0, 0])
  expect((await idempotency.run(call, pay)).isReplay).toBe(false)
})

describe('a twin that is under way', () => {
  test('is waited for by others, who hold no connection', async () => {
    const { letGo } = await holdKey(idempotency)
    const other = await another({ pool: { max: 1 } })
    const waiting = Array.from({ length: 10 }, async () => await other.idempotency.run(call, pay))
    // The only connection is free for anybody, again and again.
    for (let n = 0; n < 20; n++) await other.db.query('select 1')
    expect(other.db.stats().pool.timeouts).toBe(0)
    await letGo()
    for (const { isReplay } of await Promise.all(waiting)) expect(isReplay).toBe(true)
    expect(await payments()).toBe(1)
  })

  test('is followed by the next one when it fails', async () => {
    const { run, letGo } = await holdKey(idempotency, 'rollback')
    const other = await another()
    const waiting = [idempotency, other.idempotency, idempotency].map(async (each) => await each.run(call, pay))
    await letGo()
    await expect(run).rejects.toThrow('declined')
    const outcomes = await Promise.all(waiting)
    expect(outcomes.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(await payments()).toBe(1)
  })

  test('is looked for by one of a process, for all of them', async () => {
    const { letGo } = await holdKey(idempotency)
    const other = await another()
    const waiting = Array.from({ length: 30 }, async () => await other.idempotency.run(call, pay))
    await new Promise((resolve) => setTimeout(resolve, 400))
    // After 10, 20, 40, 80 and 160 ms.
    expect(other.db.stats().transactions).toBeLessThan(10)
    await letGo()
    for (const { isReplay } of await Promise.all(waiting)) expect(isReplay).toBe(true)
  })

  test.each(['this process', 'another'])('is not waited for longer than waitMs, in %s', async (where) => {
    const { letGo } = await holdKey(idempotency)
    const by = where === 'another' ? (await another()).idempotency : idempotency
    const inFlight = { code: 'HF_IDEMPOTENCY_IN_FLIGHT', status: 409, retryable: true }
    await expect(by.run(call, pay, { waitMs: 0 })).rejects.toMatchObject(inFlight)
    const startedAt = performance.now()
    await expect(by.run(call, pay, { waitMs: 150 })).rejects.toMatchObject(inFlight)
    expect(performance.now() - startedAt).toBeGreaterThan(140)
    await letGo()
    expect((await by.run(call, pay)).isReplay).toBe(true)
  })

  test.each(['this process', 'another'])('is not waited for by one who is aborted, in %s', async (where) => {
    const { letGo } = await holdKey(idempotency)
    const by = where === 'another' ? (await another()).idempotency : idempotency
    const caller = new AbortController()
    const waiting = by.run(call, pay, { signal: caller.signal })
    setTimeout(() => caller.abort(new Error('gone')), 30)
    await expect(waiting).rejects.toThrow()
    await letGo()
    expect(await payments()).toBe(1)
  })

  test.each(['commit', 'rollback'] as const)('with another request: refused after its %s, or done', async (end) => {
    const { letGo } = await holdKey(idempotency, end)
    const other = await another()
    const waiting = [idempotency, other.idempotency].map(
      async (each, n) =>
        await each.run({ ...call, input: { n } }, pay).then(
          () => 'done',
          (error: { code: string }) => error.code,
        ),
    )
    await letGo()
    const reused = 'HF_IDEMPOTENCY_KEY_REUSED'
    expect((await Promise.all(waiting)).toSorted()).toEqual(end === 'commit' ? [reused, reused] : [reused, 'done'])
  })
})

test('an answer expires: its key is as good as new, and what is deleted was expired', async () => {
  await idempotency.run(call, pay)
  await idempotency.run({ ...call, key: 'k2' }, pay)
  expect(await idempotency.sweep()).toBe(0)
  await box.db.query(`update holdfast.idempotency_answers set expires_at = now() where key = 'k1'`)
  expect((await idempotency.run({ ...call, input: 'other' }, pay)).isReplay).toBe(false)
  expect(await payments()).toBe(3)
  expect(await answers()).toBe(2)
  await box.db.query(`update holdfast.idempotency_answers set expires_at = now() where key = 'k1'`)
  expect(await idempotency.sweep()).toBe(1)
  expect((await idempotency.run({ ...call, key: 'k2' }, pay)).isReplay).toBe(true)
})

test('an answer can be forgotten', async () => {
  await idempotency.run(call, pay)
  expect(await idempotency.forget(call)).toBe(true)
  expect(await idempotency.forget(call)).toBe(false)
  expect((await idempotency.run(call, pay)).isReplay).toBe(false)
})

test('what cannot be a key, a scope or a principal is refused without being shown', async () => {
  const bad = [
    { ...call, key: '' },
    { ...call, key: 'secret'.repeat(50) },
    { ...call, key: 'a\u0000b' },
    { ...call, key: 'ключ' },
    { ...call, scope: '' },
    { ...call, scope: 'x'.repeat(201) },
    { ...call, principal: 'x'.repeat(201) },
    { ...call, principal: 'a\u001fb' },
  ]
  for (const each of bad) {
    const error: unknown = await idempotency.run(each, pay).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'HF_IDEMPOTENCY_KEY_INVALID', status: 400 })
    expect((error as Error).message).not.toContain('secret')
  }
  expect(await payments()).toBe(0)
})

test('an answer that cannot be stored undoes its effect', async () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  for (const answer of [() => {}, 1n, cycle]) {
    const failing = idempotency.run(call, async (tx) => {
      await pay(tx)
      return answer
    })
    await expect(failing).rejects.toMatchObject({ code: 'HF_IDEMPOTENCY_ANSWER_INVALID' })
  }
  const large = idempotency.run(call, async (tx) => (await pay(tx), 'ü'.repeat(60)), { maxBytes: 100 })
  await expect(large).rejects.toMatchObject({
    code: 'HF_IDEMPOTENCY_ANSWER_TOO_LARGE',
    details: { bytes: 122, maxBytes: 100 },
  })
  expect(await payments()).toBe(0)
})

test('options are checked', () => {
  expect(() => createIdempotency(box.db, { ttlMS: 1 } as never)).toThrow(/did you mean `ttlMs`/)
})

test('a request costs one round trip more than its transaction, a replay two, a twin in this process none', async () => {
  const { hostname, port } = new URL(box.url)
  const proxy = await startProxy({ host: hostname, port: Number(port) })
  const { db, idempotency: far } = await another({ url: throughProxy(box.url, proxy) })
  const count = async (body: () => Promise<unknown>) => {
    const before = proxy.bursts()
    await body()
    return proxy.bursts() - before
  }
  await db.query('select 1')
  expect(await count(async () => await db.tx(async (tx) => await pay(tx)))).toBe(2)
  expect(await count(async () => await far.run(call, pay))).toBe(3)
  expect(await count(async () => await far.run(call, pay))).toBe(2)
  const both = async () =>
    await Promise.all([1, 2, 3].map(async (n) => await far.run({ ...call, key: 'k3' }, async (tx) => await pay(tx, n))))
  expect(await count(both)).toBe(3)
  opened.push(proxy)
  opened.reverse()
})

describe('an outcome that nobody told', () => {
  test('is asked for: committed, so its answer is given', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const { idempotency: far, db } = await another({ url: throughProxy(box.url, proxy) })
    // The commit waits for its trigger while the connection breaks.
    await box.db.query(
      `create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return null; end $$`,
    )
    await box.db.query(
      `create constraint trigger dawdles after insert on payment deferrable initially deferred for each row execute function dawdle()`,
    )
    const running = far.run(call, async (tx) => {
      setTimeout(() => proxy.cut(), 100)
      return await pay(tx)
    })
    expect(await running).toEqual({ value: { paid: 1 }, isReplay: false })
    expect(await payments()).toBe(1)
    await box.db.query('drop trigger dawdles on payment')
    await db.close()
    await proxy.close()
  })
})

describe('a commit that did not happen', () => {
  test('is told as such, when the connection broke with COMMIT under way', async () => {
    const { hostname, port } = new URL(box.url)
    const proxy = await startProxy({ host: hostname, port: Number(port) })
    const { idempotency: far, db } = await another({ url: throughProxy(box.url, proxy) })
    await box.db.query(
      `create function refuse() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); raise 'no'; end $$`,
    )
    await box.db.query(
      `create constraint trigger refuses after insert on payment deferrable initially deferred for each row execute function refuse()`,
    )
    const running = far.run(call, async (tx) => {
      setTimeout(() => proxy.cut(), 100)
      return await pay(tx)
    })
    await expect(running).rejects.toMatchObject({ code: 'HF_QUERY_CONNECTION_LOST' })
    await box.db.query('drop trigger refuses on payment')
    expect(await payments()).toBe(0)
    await db.close()
    await proxy.close()
  })
})

describe('under a snapshot from before the twin’s commit', () => {
  test('the effect is undone, and the twin’s answer given', async () => {
    const strict = new URL(box.url)
    strict.searchParams.set('options', '-c default_transaction_isolation=repeatable\\ read')
    const other = await another({ url: strict.href })
    // The lock is had, and the snapshot is older: what a look in between would take is held up by the first statement.
    const slowBegin: Guard = {
      in: 'idempotency_begin',
      text: `begin
  if not pg_try_advisory_xact_lock(`,
      without: `begin
  perform pg_sleep(0.3) from (select current_setting('transaction_isolation') as level) l where l.level = 'repeatable read';
  if not pg_try_advisory_xact_lock(`,
    }
    await runWithout(owner, slowBegin, async () => {
      const late = other.idempotency.run(call, async (tx) => await pay(tx, 2))
      await expect.poll(async () => await countSleepers()).toBe(1)
      expect((await idempotency.run(call, async (tx) => await pay(tx, 1))).isReplay).toBe(false)
      expect(await late).toEqual({ value: { paid: 1 }, isReplay: true })
    })
    expect(await payments()).toBe(1)
  })

  const countSleepers = async () =>
    (await box.db.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`))
      .rowCount
})

describe('without its guards', () => {
  const lock: Guard = {
    in: 'idempotency_begin',
    text: `not pg_try_advisory_xact_lock(hashtextextended(p_scope || E'\\x1f' || p_principal || E'\\x1f' || p_key, 6868))`,
    without: 'false',
  }
  const refusal: Guard = { in: 'idempotency_keep', text: `if not found then`, without: 'if false then' }

  /** Two processes, each with the effect done before either commits. */
  async function race() {
    const [a, b] = [await another(), await another()]
    let arrived = 0
    const both = async () => {
      arrived++
      await expect.poll(() => arrived).toBe(2)
    }
    const runs = [a, b].map(async ({ idempotency: each }, n) =>
      each.run(call, async (tx) => {
        const answer = await pay(tx, n)
        await Promise.race([both(), new Promise((resolve) => setTimeout(resolve, 300))])
        return answer
      }),
    )
    return await Promise.all(runs)
  }

  test('the lock is one: without it both do the work, and the second is undone at its end', async () => {
    const outcomes = await runWithout(owner, lock, race)
    expect(outcomes.map(({ isReplay }) => isReplay).toSorted()).toEqual([false, true])
    expect(await payments()).toBe(1)
  })

  test('the refusal at the end is the other: without both the effect happens twice', async () => {
    await runWithout(owner, lock, async () => await runWithout(owner, refusal, race))
    expect(await payments()).toBe(2)
  })
})
