import pg, { type Pool, type PoolClient } from 'pg'
import { connectTo } from '../../core/index.js'
import { createJobs, defineJob } from '../../jobs/index.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

/** Measured at the beginning and again at the end, the queue as long both times. */
const MEASURED = 500
/** What comes and goes between: an hour's churn, done in a second or two. */
const BETWEEN = 20_000
const WORKERS = 4
/** Of each side's pool; enough for its workers. */
const CONNECTIONS = 8
const BATCH = 50
/** Between the two measurements the tables' sides may hurry. */
const HURRIED_BATCH = 500

interface Job {
  id: string
  n: number
}

/** One way to keep a queue. */
interface Queue {
  pool: Pool
  send(numbers: number[]): Promise<void>
  /** Resolves when all that were sent have ended. */
  drain(numbers: number[], handled: Set<number>, isHurried: boolean): Promise<void>
  close(): Promise<void>
}

/** On every side alike, no commit waits for the disk: that would be most of a job's time, and is not what is compared. */
function withoutDisk(url: string): string {
  const copy = new URL(url)
  copy.searchParams.set('options', '-c synchronous_commit=off')
  return copy.href
}

/** The one that the posts end with: claimed, run and deleted in one transaction, safe against any crash. */
function openTableQueue({ url }: Stage, most: number): Queue {
  const pool = new pg.Pool({ connectionString: withoutDisk(url), max: CONNECTIONS })
  pool.on('error', () => {})
  return {
    pool,
    send: async (numbers) => void (await pool.query('insert into job (n) select unnest($1::int[])', [numbers])),
    drain: async (_, handled, isHurried) => {
      const limit = isHurried ? HURRIED_BATCH : most
      const workers = Array.from({ length: WORKERS }, async () => await drainTable(pool, limit, handled))
      await Promise.all(workers)
    },
    close: async () => await pool.end(),
  }
}

async function drainTable(pool: Pool, most: number, handled: Set<number>): Promise<void> {
  const client = await pool.connect()
  try {
    while (await workOnce(client, most, handled));
  } finally {
    client.release()
  }
}

async function workOnce(client: PoolClient, most: number, handled: Set<number>): Promise<boolean> {
  await client.query('begin')
  const text = `select id, n from job order by id for update skip locked limit ${most}`
  const { rows } = await client.query<Job>(text)
  for (const { n } of rows) handled.add(n)
  if (rows.length > 0) await client.query('delete from job where id = any($1)', [rows.map(({ id }) => id)])
  await client.query('commit')
  return rows.length > 0
}

async function openHoldfast({ url }: Stage): Promise<Queue> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: withoutDisk(url), pool: { max: CONNECTIONS }, logger })
  const handled = new Set<number>()
  const churn = defineJob<number>('churn', { handler: ({ payload }) => handled.add(payload) })
  const jobs = await createJobs(db, { jobs: [churn], logger })
  const worker = await jobs.work({ concurrency: WORKERS })
  return {
    pool: db.pool,
    send: async (numbers) => void (await jobs.sendMany(churn, numbers)),
    drain: async (numbers, all) => {
      while (!numbers.every((n) => handled.has(n))) await pause()
      // Written down too: the other sides' jobs have ended only with their commit.
      while ((await db.sql`select from holdfast.jobs_ready limit 1`).length > 0) await pause()
      for (const n of handled) all.add(n)
    },
    close: async () => {
      await worker.stop()
      await jobs.close()
      await db.close()
    },
  }
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2))
}

/** A report that reads one row and is still open when all is over: nothing that died since then can be vacuumed. */
async function beginReport({ url }: Stage): Promise<pg.Client> {
  const report = new pg.Client({ connectionString: url })
  await report.connect()
  await report.query('begin isolation level repeatable read read only')
  await report.query('select count(*) from part')
  return report
}

interface Reads {
  /** Index entries and rows that the server looked at, live and dead. */
  rows: number
  buffers: number
  dead: number
}

/** What was read from the queue's tables so far, whoever read it. */
async function countReads({ db }: Stage, pool: Pool): Promise<Reads> {
  await flushStatistics(pool)
  const [row] = await db.sql<Reads>`
    select (select sum(idx_tup_read) from pg_stat_user_indexes)::float8
             + (select sum(seq_tup_read) from pg_stat_user_tables)::float8 as rows,
           (select sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
                     + coalesce(idx_blks_read, 0)) from pg_statio_user_tables)::float8 as buffers,
           (select sum(n_dead_tup) from pg_stat_user_tables)::float8 as dead`
  return row as Reads
}

/** A backend tells what it has read once a second at most; here all are asked at once, while none has work. */
async function flushStatistics(pool: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, async () => await pool.connect()))
  try {
    for (const client of clients) await client.query('select pg_stat_force_next_flush()')
    // The flush is at the end of a transaction: of the next one, if something had been pending for too short.
    for (const client of clients) await client.query('select 1')
  } finally {
    for (const client of clients) client.release()
  }
}

type Part = 'first' | 'between' | 'last'

async function churnBesideReport(stage: Stage, between: number, queue: Queue): Promise<Figures> {
  const report = await beginReport(stage)
  const handled = new Set<number>()
  try {
    const first = await runPart(stage, queue, 'first', MEASURED, handled)
    await runPart(stage, queue, 'between', between, handled)
    const last = await runPart(stage, queue, 'last', MEASURED, handled)
    const { dead } = await countReads(stage, queue.pool)
    return { jobs: 2 * MEASURED + between, ...first, ...last, dead_rows: dead }
  } finally {
    await queue.close()
    await report.end()
  }
}

async function runPart(
  stage: Stage,
  queue: Queue,
  part: Part,
  size: number,
  handled: Set<number>,
): Promise<Record<string, number>> {
  const before = await countReads(stage, queue.pool)
  const numbers = Array.from({ length: size }, (_, index) => handled.size + index)
  await queue.send(numbers)
  const started = performance.now()
  await queue.drain(numbers, handled, part === 'between')
  const seconds = (performance.now() - started) / 1_000
  const after = await countReads(stage, queue.pool)
  const [rows, buffers] = [(after.rows - before.rows) / size, (after.buffers - before.buffers) / size]
  const isAll = numbers.every((n) => handled.has(n))
  await stage.db.sql`insert into part values (${part}, ${buffers}, ${isAll})`
  return {
    [`jobs_per_s_${part}`]: Math.round(size / seconds),
    [`rows_per_job_${part}`]: round(rows),
    [`buffers_per_job_${part}`]: round(buffers),
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

const describeSides = (between: number): Side[] => [
  {
    name: 'naive',
    what: 'FOR UPDATE SKIP LOCKED LIMIT 1 and a delete, in one transaction',
    run: async (stage) => await churnBesideReport(stage, between, openTableQueue(stage, 1)),
  },
  {
    name: 'batches',
    what: `the same with LIMIT ${BATCH}`,
    run: async (stage) => await churnBesideReport(stage, between, openTableQueue(stage, BATCH)),
  },
  {
    name: 'protected',
    what: 'jobs.sendMany and a worker',
    run: async (stage) => await churnBesideReport(stage, between, await openHoldfast(stage)),
  },
]

/** With fewer jobs for tests. */
export const createOldSnapshot = (between = BETWEEN): Experiment => ({
  name: 'old-snapshot',
  story:
    'Somebody left a report open (or pg_dump was running), and the queue beside it, which it never reads, got slower by the minute.',
  scratch: 'database',
  setup: `
    create table job (id bigint generated always as identity primary key, n int not null);
    create table part (part text primary key, buffers float8 not null, is_all boolean not null);`,
  invariants: [
    {
      name: 'a job reads at most three times as many buffers at the end as at the beginning',
      sql: `select round(a.buffers) as first, round(z.buffers) as last from part a join part z on a.part = 'first' and z.part = 'last'
            where z.buffers > 3 * a.buffers`,
    },
    { name: 'every job ran', sql: 'select part from part where not is_all' },
  ],
  sides: describeSides(between),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    const compare = (side: string, name: string) => `${read(side, `${name}_first`)} to ${read(side, `${name}_last`)}`
    return (
      `After ${BETWEEN} jobs had come and gone beside an open report, naive went from ${compare('naive', 'jobs_per_s')} jobs/s and from ` +
      `${compare('naive', 'buffers_per_job')} buffers per job, batches from ${compare('batches', 'buffers_per_job')}, ` +
      `protected from ${compare('protected', 'buffers_per_job')} and from ${compare('protected', 'jobs_per_s')} jobs/s.`
    )
  },
})

export const oldSnapshot = createOldSnapshot()
