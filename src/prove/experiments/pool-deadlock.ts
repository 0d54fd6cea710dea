import type { Pool, PoolClient } from 'pg'
import pg from 'pg'
import { connectTo, isHoldfastError, type Db } from '../../core/index.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

/** As many requests at once as the pool has connections. */
const POOL = 10
/** Long enough for anything that still moves to end. */
const PATIENCE_MS = 3_000

/** The logging middleware: a row per step, written through the pool because that is what it has at hand. */
async function logStep(pool: Pool, request: number): Promise<void> {
  await pool.query('insert into log (request) values ($1)', [request])
}

/** The handler: a transaction, in which a helper logs. */
async function handleOrder(pool: Pool, request: number): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('insert into orders (id) values ($1)', [request])
    await logStep(pool, request)
    await client.query('commit')
  } catch (error) {
    await rollBack(client)
    throw error
  } finally {
    client.release()
  }
}

async function rollBack(client: PoolClient): Promise<void> {
  await client.query('rollback').catch(() => {})
}

/** The same two functions, written with holdfast and with the same mistake. */
async function handleOrderProtected(db: Db, request: number): Promise<void> {
  await db.tx(async (tx) => {
    await tx.sql`insert into orders (id) values (${request})`
    await logStepProtected(db, request)
  })
}

async function logStepProtected(db: Db, request: number): Promise<void> {
  await db.sql`insert into log (request) values (${request})`
}

/** Runs the requests at once and counts what became of them; what hangs is left hanging until patience ends. */
async function rush(
  stage: Stage,
  handle: (request: number) => Promise<void>,
): Promise<{ figures: Figures; errors: unknown[] }> {
  const count = { finished: 0, failed: 0 }
  const errors: unknown[] = []
  const cpu = process.cpuUsage()
  const started = performance.now()
  let lastMs = 0
  const requests = Array.from({ length: POOL }, async (_, request) => {
    try {
      await handle(request)
      count.finished++
    } catch (error) {
      count.failed++
      errors.push(error)
    }
    lastMs = performance.now() - started
  })
  let timer: NodeJS.Timeout | undefined
  await Promise.race([Promise.all(requests), new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)))])
  clearTimeout(timer)
  const { user, system } = process.cpuUsage(cpu)
  const hanging = POOL - count.finished - count.failed
  await stage.db.sql`insert into outcome values (${count.finished}, ${hanging})`
  const cpuMs = Math.round((user + system) / 1_000)
  return { figures: { requests: POOL, ...count, hanging, last_ms: Math.round(lastMs), cpu_ms: cpuMs }, errors }
}

async function runBare(stage: Stage, extra: pg.PoolConfig): Promise<Figures> {
  const pool = new pg.Pool({ connectionString: stage.url, max: POOL, ...extra })
  pool.on('error', () => {})
  // We end their sessions ourselves afterwards; node-postgres tells that to whoever holds the client.
  pool.on('connect', (client) => client.on('error', () => {}))
  // Opened beforehand: that connections are still being made is another story.
  await warm(async () => await pool.query('select pg_sleep(0.05)'))
  const { figures } = await rush(stage, async (request) => await handleOrder(pool, request))
  await endSessions(stage)
  // Not awaited: with clients that nobody will ever give back, the end of the pool waits for ever too.
  pool.end().catch(() => {})
  return figures
}

async function warm(query: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: POOL }, query))
}

/** The hanging requests would wait for ever, and so would the end of the experiment. */
async function endSessions({ db }: Stage): Promise<void> {
  await db.sql`select pg_terminate_backend(pid) from pg_stat_activity
    where state = 'idle in transaction' and query like '%into orders (id)%' and pid <> pg_backend_pid()`
}

const sides: Side[] = [
  {
    name: 'naive',
    what: 'node-postgres; the helper asks the pool for a second connection',
    run: async (stage) => await runBare(stage, {}),
  },
  {
    name: 'connection timeout',
    what: 'the same with connectionTimeoutMillis: 1000',
    run: async (stage) => await runBare(stage, { connectionTimeoutMillis: 1_000 }),
  },
  {
    name: 'protected',
    what: 'the same mistake on holdfast: the deadlock is seen, one victim is named, the others finish',
    run: async (stage) => {
      const ignore = () => {}
      const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
      const db = await connectTo({ url: stage.url, pool: { max: POOL }, nested: 'report', logger })
      await warm(async () => await db.query('select pg_sleep(0.05)'))
      const { errors, figures } = await rush(stage, async (request) => await handleOrderProtected(db, request))
      await db.close()
      const named = errors.filter(
        (error) => isHoldfastError(error, 'HF_POOL_DEADLOCK') && namesBothLines(error.message),
      )
      return { ...figures, victims_named: named.length }
    },
  },
]

function namesBothLines(message: string): boolean {
  return message.includes('handleOrderProtected') && message.includes('logStepProtected')
}

export const poolDeadlock: Experiment = {
  name: 'pool-deadlock',
  story:
    'Low CPU, and the system hangs under peak traffic; it never happened in development. A few calls hidden in a logging helper wait for each other.',
  setup: `
    create table orders (id int primary key);
    create table log (id bigint generated always as identity primary key, request int not null);
    create table outcome (finished int not null, hanging int not null);`,
  invariants: [
    { name: 'no request hangs', sql: 'select hanging from outcome where hanging > 0' },
    {
      name: 'at most one request is given up for the others',
      sql: `select finished, ${POOL} as requests from outcome where finished < ${POOL - 1}`,
    },
    {
      name: 'what finished is stored',
      sql: `select finished, (select count(*) from orders) as stored from outcome
            where finished <> (select count(*) from orders)`,
    },
  ],
  sides,
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    return (
      `${POOL} requests at once on a pool of ${POOL}: naive finished ${read('naive', 'finished')} in ${PATIENCE_MS} ms at ` +
      `${read('naive', 'cpu_ms')} ms of CPU; with a connection timeout ${read('connection timeout', 'finished')}; ` +
      `protected ${read('protected', 'finished')} in ${read('protected', 'last_ms')} ms, its victim told both lines.`
    )
  },
}
