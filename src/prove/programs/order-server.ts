// An instance of a shop for the experiment job-crash: it takes orders and books the points of each in a job. It is
// killed in the middle of one.
import type { QueryResult } from 'pg'
import pg from 'pg'
import { connectTo } from '../../core/index.js'
import { createJobs, defineJob } from '../../jobs/index.js'
import { joinExperiment } from '../link.js'
import { inTransaction } from '../transactions.js'

interface Shop {
  place(order: number): Promise<void>
}

interface Sql {
  query(text: string, params?: unknown[]): Promise<Pick<QueryResult<{ id: string; order_id: number }>, 'rows'>>
}

const CONCURRENCY = 5
const POLL_MS = 50
/** How long a job may say "running" before another worker takes it for dead. Published defaults are minutes. */
const RESCUE_SECONDS = 1

let shop: Shop | undefined
const { options, link } = await joinExperiment<{ url: string; side: string }>(async (_, order) => {
  await shop?.place(order as number)
})
const pool = new pg.Pool({ connectionString: options.url, max: CONCURRENCY * 2 })
pool.on('error', () => {})

/** The job. The experiment answers a call when that much of the work is over, or kills. */
async function bookPoints(sql: Sql, order: number): Promise<void> {
  await link.call('begun', order)
  await sql.query('insert into points (order_id) values ($1)', [order])
  await link.call('booked', order)
}

/** Fire and forget: answered as soon as the order is stored, the rest happens meanwhile. */
function openInMemory(): Shop {
  return {
    place: async (order) => {
      await pool.query('insert into orders (id) values ($1)', [order])
      bookPoints(pool, order).catch(() => {})
    },
  }
}

/** A queue as the posts show it: the job is stored in the order's transaction. Sides differ in how it is claimed. */
function openQueue(work: () => Promise<boolean>): Shop {
  for (let slot = 0; slot < CONCURRENCY; slot++) void workForever(work)
  return {
    place: async (order) =>
      await inTransaction(pool, async (client) => {
        await client.query('insert into orders (id) values ($1)', [order])
        await client.query('insert into job (order_id) values ($1)', [order])
      }),
  }
}

async function workForever(work: () => Promise<boolean>): Promise<void> {
  for (;;) if (!(await work())) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

const pick = (condition: string) => `select id from job where ${condition} order by id for update skip locked limit 1`

/** Marks the job, runs it, then takes it out. */
async function workMarking(condition: string): Promise<boolean> {
  const { rows } = await pool.query<{ id: string; order_id: number }>(
    `update job set status = 'running', started_at = now() where id = (${pick(condition)}) returning id, order_id`,
  )
  const [job] = rows
  if (!job) return false
  await bookPoints(pool, job.order_id)
  await pool.query('delete from job where id = $1', [job.id])
  return true
}

/** Holds the row's lock all along: the effect and the job's end are one commit, and a dead session lets go. */
async function workLocking(): Promise<boolean> {
  return await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ id: string; order_id: number }>(
      'select id, order_id from job order by id for update skip locked limit 1',
    )
    const [job] = rows
    if (!job) return false
    await bookPoints(client, job.order_id)
    await client.query('delete from job where id = $1', [job.id])
    return true
  })
}

async function openHoldfast(): Promise<Shop> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: CONCURRENCY * 2 }, logger })
  const points = defineJob<{ order: number }>('points', {
    mode: 'transaction',
    handler: async ({ tx, payload }) => await bookPoints(tx, payload.order),
  })
  const jobs = await createJobs(db, { jobs: [points], logger })
  await jobs.work({ concurrency: CONCURRENCY })
  return {
    place: async (order) =>
      await db.tx(async (tx) => {
        await tx.sql`insert into orders (id) values (${order})`
        await jobs.send(tx, points, { order })
      }),
  }
}

const isAbandoned = `status = 'running' and started_at < now() - interval '${RESCUE_SECONDS} seconds'`
const openings: Record<string, () => Shop | Promise<Shop>> = {
  naive: openInMemory,
  mark: () => openQueue(async () => await workMarking(`status = 'ready'`)),
  rerun: () => openQueue(async () => await workMarking(`status = 'ready' or (${isAbandoned})`)),
  'row lock': () => openQueue(workLocking),
  protected: openHoldfast,
}
shop = await openings[options.side]?.()
await link.call('serving')
