// The application under test, a process of its own: orders in a transaction of two statements, notes in autocommit.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { connect, HoldfastError } from 'holdfast'
import { honoContext, toProblem } from 'holdfast/http'
import type { AddressInfo } from 'node:net'
import { limits, type AppMessage } from './protocol.js'

function tell(message: AppMessage): void {
  process.send?.(message)
}

// Neither may ever happen; each is a violation, and the process goes on so that all of them are counted.
process.on('unhandledRejection', (error) => tell({ type: 'stray', what: `unhandled rejection: ${String(error)}` }))
process.on('uncaughtException', (error) => tell({ type: 'stray', what: `uncaught exception: ${String(error)}` }))
process.on('disconnect', () => process.exit(0))

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const db = await connect({
  url: process.env['CHAOS_URL'] ?? '',
  applicationName: 'chaos-app',
  pool: { max: limits.poolSize, connectMs: limits.connectMs },
  acquireMs: limits.acquireMs,
  deadlineMs: limits.statementMs,
  txDeadlineMs: limits.txMs,
  logger: quiet,
})

const app = new Hono()
app.use(honoContext(db))
app.onError((error) => {
  if (!(error instanceof HoldfastError)) tell({ type: 'unnamed', what: describe(error) })
  return toProblem(error)
})
app.post('/orders/:id', async (c) => {
  const id = c.req.param('id')
  await db.tx(async (tx) => {
    await tx.query('insert into orders (id) values ($1)', [id])
    await tx.query('insert into order_lines (order_id, quantity) values ($1, $2)', [id, 1])
  })
  return c.json({ id }, 201)
})
app.post('/notes/:id', async (c) => {
  await db.query('insert into notes (id) values ($1)', [c.req.param('id')])
  return c.body(null, 201)
})
app.get('/orders/:id', async (c) => {
  const rows = await db.sql`select id from orders join order_lines on order_id = id where id = ${c.req.param('id')}`
  return rows.length === 1 ? c.json(rows[0]) : c.notFound()
})
// How many different clients can work at once: all of them, or the pool is not whole.
app.get('/pool', async (c) => {
  const ask = async () => await db.query<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.05)')
  const answers = await Promise.all(Array.from({ length: limits.poolSize }, ask))
  const { busy, waiting } = db.stats().pool
  return c.json({ usable: new Set(answers.map(({ rows }) => rows[0]?.pid)).size, busy, waiting })
})

function describe(error: Error): string {
  return 'code' in error ? `${String(error.code)} ${error.message}` : error.message
}

serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }: AddressInfo) => tell({ type: 'ready', port }))
