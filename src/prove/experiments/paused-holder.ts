import { killAll, startPrograms, type Program } from '../program.js'
import type { RedisAddress } from '../redis-link.js'
import { findRedis, withRedis } from '../redis-server.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const ACCOUNTS = 5
/** Deposits of each instance on each account before the pause: the locks are known to work. */
const ROUNDS = 4
/** Of a lock; published defaults are ten seconds or more, and a suspended machine is away for minutes. */
const LEASE_MS = 500
/** So long a process is stopped with its locks in its hands, at least. */
const PAUSE_MS = 2_000
const LOOK_MS = 20

const pause = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms))

interface Deposit {
  id: number
  account: number
  askedAt: number
  /** When it had the lock for the first time, and the balance. */
  readAt: number | undefined
  isAcknowledged: boolean
}

/** The clients: who asked for what, and what became of it. */
class Clients {
  readonly deposits: Deposit[] = []
  refused = 0
  #heldUp: { wanted: number; came: number; onAll: () => void; released: Promise<void> } | undefined

  async deposit(instance: Program, account: number): Promise<Deposit> {
    const askedAt = performance.now()
    const id = this.deposits.length
    const deposit: Deposit = { id, account, askedAt, readAt: undefined, isAcknowledged: false }
    this.deposits.push(deposit)
    await instance.call('deposit', { id, account })
    deposit.isAcknowledged = true
    return deposit
  }

  /** The next so many that have read stand there until `release`: with the lock, and before the write. */
  holdUp(wanted: number): { reached: Promise<void>; release: () => void } {
    const [reaching, releasing] = [openGate(), openGate()]
    this.#heldUp = { wanted, came: 0, onAll: reaching.open, released: releasing.opened }
    return { reached: reaching.opened, release: releasing.open }
  }

  async follow(step: string, id: number): Promise<void> {
    if (step === 'refused') return void this.refused++
    const deposit = this.deposits[id] as Deposit
    deposit.readAt ??= performance.now()
    const heldUp = this.#heldUp
    if (heldUp === undefined || heldUp.came === heldUp.wanted) return
    if (++heldUp.came === heldUp.wanted) heldUp.onAll()
    await heldUp.released
  }
}

function openGate(): { open: () => void; opened: Promise<void> } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

/** Both instances at once on every account, and nobody is stopped. */
async function depositBusily(clients: Clients, instances: readonly Program[], accounts: readonly number[]) {
  for (let round = 0; round < ROUNDS; round++) {
    const pairs = accounts.flatMap((account) => instances.map((instance) => ({ account, instance })))
    await Promise.all(pairs.map(async ({ account, instance }) => await clients.deposit(instance, account)))
  }
}

/** One instance stands between reading and writing on every account, is stopped there, and the other one comes. */
async function stopOne(
  stage: Stage,
  clients: Clients,
  [first, second]: readonly Program[],
  accounts: readonly number[],
): Promise<Figures> {
  const [stopped, other] = [first as Program, second as Program]
  const { reached, release } = clients.holdUp(accounts.length)
  const early = Promise.all(accounts.map(async (account) => await clients.deposit(stopped, account)))
  await Promise.race([reached, early])
  stopped.stop()
  const stoppedAt = performance.now()
  const late = Promise.all(accounts.map(async (account) => await clients.deposit(other, account)))
  await Promise.all([pause(PAUSE_MS), waitForTheOther(stage, late)])
  release()
  const pausedMs = performance.now() - stoppedAt
  stopped.resume()
  await early
  return { paused_ms: Math.round(pausedMs), ...describeWait(await late) }
}

/** Until the other one has written, unless it waits for what the stopped one holds: then it would not happen meanwhile. */
async function waitForTheOther(stage: Stage, late: Promise<unknown>): Promise<void> {
  let isOver = false
  while (!isOver && !(await waitsInDatabase(stage))) {
    stage.signal.throwIfAborted()
    isOver = await Promise.race([late.then(() => true), pause(LOOK_MS).then(() => false)])
  }
}

/** A second: those who only take turns with each other wait for moments. */
async function waitsInDatabase({ db }: Stage): Promise<boolean> {
  const rows = await db.sql`
    select from pg_locks l join pg_stat_activity a using (pid)
     where not l.granted and a.datname = current_database() and a.state_change < clock_timestamp() - interval '1 second'`
  return rows.length > 0
}

function describeWait(late: readonly Deposit[]): Figures {
  const waits = late.map(({ askedAt, readAt = Infinity }) => readAt - askedAt)
  return { waited_ms: Math.round(Math.max(...waits)) }
}

/** The deposits of a side; on Redis are the locks only. */
async function takeDeposits(stage: Stage, side: string, amount: number, redis?: RedisAddress): Promise<Figures> {
  const clients = new Clients()
  const accounts = Array.from({ length: amount }, (_, account) => account)
  const instances = await startPrograms(2, {
    name: 'deposit-server',
    options: { url: stage.url, side, leaseMs: LEASE_MS, redis },
    onCall: async (step, id) => await clients.follow(step, id),
  })
  try {
    await depositBusily(clients, instances, accounts)
    const before = { lost_before: await countLost(stage, clients), again_before: clients.refused }
    const times = await stopOne(stage, clients, instances, accounts)
    await writeDown(stage, clients)
    return {
      deposits: clients.deposits.length,
      ...before,
      lost: await countLost(stage, clients),
      stale_writes: await countStale(stage),
      refused: clients.refused - before.again_before,
      ...times,
    }
  } finally {
    await killAll(instances)
  }
}

async function writeDown({ db }: Stage, { deposits }: Clients): Promise<void> {
  for (const { id, account, isAcknowledged } of deposits)
    await db.sql`insert into deposit values (${id}, ${account}, ${isAcknowledged})`
}

async function countLost({ db }: Stage, { deposits }: Clients): Promise<number> {
  const [row] = await db.sql<{ balance: number }>`select sum(balance)::int as balance from account`
  return deposits.filter(({ isAcknowledged }) => isAcknowledged).length - (row?.balance ?? 0)
}

/** An entry that is not based on all that were there before it. */
const stale = `
  select account_id, count(*)::int as stale_writes
    from (select account_id, based_on, row_number() over (partition by account_id order by id) - 1 as there from entry) e
   where based_on <> there group by account_id`

async function countStale({ db }: Stage): Promise<number> {
  const { rows } = await db.query<{ stale_writes: number }>(stale)
  return rows.reduce((sum, row) => sum + row.stale_writes, 0)
}

const describeRedisSide = (accounts: number): Side => ({
  name: 'Redis lock',
  what: 'SET NX PX with a token, prolonged by a heartbeat, ended by a script that compares; the balance is in PostgreSQL',
  canRun: async () => (await findRedis()) !== undefined,
  run: async (stage) => await withRedis(async (redis) => await takeDeposits(stage, 'Redis lock', accounts, redis)),
})

const describeSides = (accounts: number): Side[] => {
  const describe = (name: string, what: string): Side => ({
    name,
    what,
    run: async (stage) => await takeDeposits(stage, name, accounts),
  })
  return [
    describe(
      'naive',
      'a row with an expiry: insert … on conflict do update … where expires_at < now(), then read and write',
    ),
    describe(
      'heartbeat',
      'the same, prolonged while the work runs; an abort signal says when that fails, and the work does not look',
    ),
    describeRedisSide(accounts),
    describe('advisory lock', 'pg_advisory_xact_lock in a transaction that stays open during the work'),
    describe('compare and set', 'no lock: update … where balance is what was read, else all of it again'),
    describe('protected', 'locks.run, and the write in lock.fenced(tx => …)'),
  ]
}

/** With fewer accounts for tests. */
export const createPausedHolder = (accounts = ACCOUNTS): Experiment => ({
  name: 'paused-holder',
  story:
    'The lock had worked for months. Then the machine that held it was suspended for a moment, another one took over and went on, and the first woke up and wrote what it had worked out before.',
  scratch: 'database',
  setup: `
    create table account (id int primary key, balance int not null default 0);
    insert into account select generate_series(0, ${accounts - 1});
    create table entry (id bigint generated always as identity primary key, account_id int not null, based_on int not null);
    create table lock (key text primary key, owner text not null, expires_at timestamptz not null);
    create table deposit (id int primary key, account_id int not null, is_acknowledged boolean not null);`,
  invariants: [
    {
      name: 'no update is lost: a balance is all deposits that were acknowledged',
      sql: `select a.id as account, a.balance, count(d.id) as acknowledged
              from account a left join deposit d on d.account_id = a.id and d.is_acknowledged
             group by a.id having a.balance <> count(d.id)`,
    },
    { name: 'nobody writes what is based on an old balance', sql: stale },
    {
      name: 'every deposit is acknowledged in the end',
      sql: 'select id as deposit, account_id from deposit where not is_acknowledged',
    },
  ],
  sides: describeSides(accounts),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    const redisLost = figures.get('Redis lock')?.['lost'] ?? '(not run: no redis-server on the PATH)'
    return (
      `Of ${accounts} deposits that were made while the holder was stopped, naive lost ${read('naive', 'lost')}, a heartbeat ` +
      `${read('heartbeat', 'lost')}, a lock on Redis ${redisLost}, protected ${read('protected', 'lost')}: ${read('protected', 'refused')} late writes were ` +
      `refused and done again. The other process waited ${read('advisory lock', 'waited_ms')} ms for an advisory lock, as long ` +
      `as the pause, and ${read('protected', 'waited_ms')} ms with protected. Where the lock is there for a single row, ` +
      `compare and set does without it.`
    )
  },
})

export const pausedHolder = createPausedHolder()
