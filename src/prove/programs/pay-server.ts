// An instance of a shop for the experiment pool-starvation: people look at tickets, and pay for them at a service of
// somebody else.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg, { type PoolClient } from 'pg'
import { connectTo } from '../../core/index.js'
import { watch } from '../../watch/index.js'
import { joinExperiment } from '../link.js'
import { inTransaction } from '../transactions.js'

interface Options {
  url: string
  /** Of the payment service. */
  service: string
  isWatched: boolean
  max: number
  connectionTimeoutMillis?: number
}

/** Findings come as often as they are written; the default is ten seconds. */
const FLUSH_MS = 500

/** Whether payments are charged inside of their transaction. */
let isInside = true
const { options, link } = await joinExperiment<Options>((what) => {
  if (what === 'outside') isInside = false
  return Promise.resolve()
})
const { url, service, isWatched, ...limits } = options
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
const pool = new pg.Pool({ connectionString: url, ...limits })
pool.on('error', ignore)
const db = await connectTo({ pool, logger })
if (isWatched)
  await watch(db, {
    flushMs: FLUSH_MS,
    logger,
    onFinding: (finding) => void link.call('found', finding).catch(ignore),
  })

/** Asks somebody else’s service, with a key of its own for each payment. */
async function charge(payment: number): Promise<void> {
  // holdfast-ignore-next-line doctor/network-in-tx -- this is the fault that is shown
  const response = await fetch(service, { method: 'POST', headers: { 'idempotency-key': String(payment) } })
  await response.arrayBuffer()
  if (!response.ok) throw new Error('It was not charged.')
}

const insert = 'insert into payments (id) values ($1)'
const markPaid = 'update payments set is_paid = true where id = $1'

/** As people write it: all or nothing, so all of it is in a transaction. */
async function payInside(payment: number): Promise<void> {
  await inTransaction(pool, async (client: PoolClient) => {
    await client.query(insert, [payment])
    await charge(payment)
    await client.query(markPaid, [payment])
  })
}

/** A row says what was begun, the service is asked while no connection is held, and then the row says how it ended. */
async function payOutside(payment: number): Promise<void> {
  await pool.query(insert, [payment])
  await charge(payment)
  await pool.query(markPaid, [payment])
}

async function listTickets(): Promise<void> {
  await pool.query('select id from tickets order by id limit 20')
}

const server = createServer((request, response) => {
  const [, path, id] = (request.url ?? '').split('/')
  const [route, serve] =
    path === 'pay'
      ? ['POST /pay/:id', async () => await (isInside ? payInside : payOutside)(Number(id))]
      : ['GET /tickets', listTickets]
  db.runRequest({ route }, serve).then(
    () => response.writeHead(200).end(),
    () => response.writeHead(500).end(),
  )
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
await Promise.all(Array.from({ length: limits.max }, async () => await pool.query('select pg_sleep(0.02)')))
await link.call('port', (server.address() as AddressInfo).port)
await link.call('serving')
