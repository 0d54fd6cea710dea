// An instance of a bank for the experiment paused-holder: a deposit reads the balance, works something out, and writes the
// balance back, under a lock of the account. `deposit` is answered when it is written. It is stopped between the two.
import { randomUUID } from 'node:crypto'
import type { QueryResult } from 'pg'
import pg from 'pg'
import { connectTo, isHoldfastError } from '../../core/index.js'
import { createLocks } from '../../locks/index.js'
import { joinExperiment } from '../link.js'
import { RedisLink, type RedisAddress } from '../redis-link.js'

interface Deposit {
  id: number
  account: number
}

interface Row {
  balance: number
}

interface Sql {
  query(text: string, params?: unknown[]): Promise<Pick<QueryResult<Row>, 'rows' | 'rowCount'>>
}

interface Options {
  url: string
  side: string
  leaseMs: number
  /** For the side that locks there. */
  redis?: RedisAddress
}

/** Where locks that end by themselves are kept. Each gives whether the lock is the owner's. */
interface Leases {
  take(key: string, owner: string): Promise<boolean>
  extend(key: string, owner: string): Promise<boolean>
  release(key: string, owner: string): Promise<boolean>
}

type Serve = (deposit: Deposit) => Promise<void>

const MOST = 10
/** Whoever finds the lock taken asks again. */
const POLL_MS = 50

let serve: Serve | undefined
const { options, link } = await joinExperiment<Options>(async (_, deposit) => await serve?.(deposit as Deposit))
const pool = new pg.Pool({ connectionString: options.url, max: MOST })
pool.on('error', () => {})

const keyOf = (account: number): string => `account:${account}`
const pause = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms))

/** What the lock protects, the same on every side. The experiment answers when the pause, if there is one, is over. */
async function addOne<T>(sql: Sql, deposit: Deposit, write: (balance: number) => Promise<T>): Promise<T> {
  const { rows } = await sql.query('select balance from account where id = $1', [deposit.account])
  await link.call('read', deposit.id)
  return await write(rows[0]?.balance as number)
}

/** The balance and its entry. Gives whether it was written. */
async function writeBalance(sql: Sql, { account }: Deposit, balance: number, condition = ''): Promise<boolean> {
  const text = `
    with written as (update account set balance = $2 where id = $1 ${condition} returning id)
    insert into entry (account_id, based_on) select id, $3 from written`
  return (await sql.query(text, [account, balance + 1, balance])).rowCount === 1
}

/** A row that belongs to somebody until it expires: taken if there is none, or if that one is over. */
const tableLeases: Leases = {
  take: async (key, owner) => {
    const text = `
      insert into lock (key, owner, expires_at) values ($1, $2, clock_timestamp() + $3 * interval '1 ms')
      on conflict (key) do update set owner = excluded.owner, expires_at = excluded.expires_at
      where lock.expires_at < clock_timestamp()`
    return (await pool.query(text, [key, owner, options.leaseMs])).rowCount === 1
  },
  extend: async (key, owner) => {
    const text = `update lock set expires_at = clock_timestamp() + $3 * interval '1 ms' where key = $1 and owner = $2`
    return (await pool.query(text, [key, owner, options.leaseMs])).rowCount === 1
  },
  release: async (key, owner) =>
    (await pool.query('delete from lock where key = $1 and owner = $2', [key, owner])).rowCount === 1,
}

const IF_MINE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call`

/** As the manual of Redis has it: a key with a token that is set if there is none, and two scripts that compare it. */
function leasesOn(redis: RedisLink): Leases {
  const ifMine = async (then: string, ...words: string[]): Promise<boolean> =>
    (await redis.send('EVAL', `${IF_MINE}(${then}) else return 0 end`, 1, ...words)) === 1
  return {
    take: async (key, owner) => (await redis.send('SET', key, owner, 'NX', 'PX', options.leaseMs)) === 'OK',
    extend: async (key, owner) => await ifMine(`'pexpire', KEYS[1], ARGV[2]`, key, owner, `${options.leaseMs}`),
    release: async (key, owner) => await ifMine(`'del', KEYS[1]`, key, owner),
  }
}

async function withLease<T>(leases: Leases, key: string, body: (owner: string) => Promise<T>): Promise<T> {
  const owner = randomUUID()
  while (!(await leases.take(key, owner))) await pause(POLL_MS)
  try {
    return await body(owner)
  } finally {
    // Only one's own: the next holder's stays.
    await leases.release(key, owner)
  }
}

/** As people write it: take the lock, read, work it out, write, let go. */
async function serveNaively(deposit: Deposit): Promise<void> {
  await withLease(tableLeases, keyOf(deposit.account), async () => {
    await addOne(pool, deposit, async (balance) => await writeBalance(pool, deposit, balance))
  })
}

/** The lease is prolonged while the body runs; the signal tells when that fails, to those who look at it. */
async function using(leases: Leases, key: string, body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  await withLease(leases, key, async (owner) => {
    const controller = new AbortController()
    const extend = async () => {
      if (!(await leases.extend(key, owner).catch(() => false))) controller.abort()
    }
    const beat = setInterval(() => void extend(), options.leaseMs / 3)
    try {
      await body(controller.signal)
    } finally {
      clearInterval(beat)
    }
  })
}

/** A routine as it is handed to such a function: the signal is there, and the work has no place to look at it. */
async function serveWithHeartbeat(leases: Leases, deposit: Deposit): Promise<void> {
  await using(leases, keyOf(deposit.account), async () => {
    await addOne(pool, deposit, async (balance) => await writeBalance(pool, deposit, balance))
  })
}

async function openRedis(): Promise<Serve> {
  const leases = leasesOn(await RedisLink.open(options.redis as RedisAddress))
  return async (deposit) => await serveWithHeartbeat(leases, deposit)
}

/** No lease: the lock lasts as long as the transaction, and that as long as its connection. */
async function serveWithAdvisoryLock(deposit: Deposit): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [keyOf(deposit.account)])
    await addOne(client, deposit, async (balance) => await writeBalance(client, deposit, balance))
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    client.release()
  }
}

/** No lock: a write based on what is not there any more is none, and everything is done again. */
async function serveComparing(deposit: Deposit): Promise<void> {
  const compareAndSet = async (balance: number) => await writeBalance(pool, deposit, balance, 'and balance = $3')
  while (!(await addOne(pool, deposit, compareAndSet))) await link.call('refused', deposit.id)
}

async function openHoldfast(): Promise<Serve> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: MOST }, logger })
  const locks = createLocks(db, { ttlMs: options.leaseMs, logger })
  const deposit = async (each: Deposit): Promise<void> =>
    await locks.run(keyOf(each.account), async (lock) => {
      await addOne(db, each, async (balance) => {
        await lock.fenced(async (tx) => await writeBalance(tx, each, balance))
      })
    })
  return async (each) => {
    while (!(await isDone(deposit(each)))) await link.call('refused', each.id)
  }
}

/** False: the lock was lost before the write, which is to be based on what is there now. */
async function isDone(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    if (isHoldfastError(error, 'HF_LOCKS_STALE')) return false
    throw error
  }
}

const openings: Record<string, () => Serve | Promise<Serve>> = {
  naive: () => serveNaively,
  heartbeat: () => async (deposit) => await serveWithHeartbeat(tableLeases, deposit),
  'Redis lock': openRedis,
  'advisory lock': () => serveWithAdvisoryLock,
  'compare and set': () => serveComparing,
  protected: openHoldfast,
}
serve = await openings[options.side]?.()
await link.call('serving')
