// An instance of a shop for the experiment sync-over-async: it takes orders, and its middleware writes an audit log.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectTo } from '../../core/index.js'
import { watch } from '../../watch/index.js'
import { joinExperiment } from '../link.js'
import { openAsyncLog, openBatchedLog, openSyncLog, type AuditLog } from './audit-log.js'

/** Findings come as often as they are written; the default is ten seconds. */
const FLUSH_MS = 500

const logs: Record<string, (file: string) => AuditLog> = {
  sync: openSyncLog,
  async: openAsyncLog,
  batched: openBatchedLog,
}

let log: AuditLog | undefined
let utilisation = performance.eventLoopUtilization()

const { options, link } = await joinExperiment<{ url: string; file: string; isWatched: boolean }>(
  async (what, name) => {
    if (what === 'audit') {
      log = logs[name as string]?.(options.file)
      utilisation = performance.eventLoopUtilization()
    }
    if (what === 'settle') {
      await log?.settle()
      return Math.round(100 * performance.eventLoopUtilization(utilisation).utilization)
    }
  },
)
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
const db = await connectTo({ url: options.url, pool: { max: 10 }, logger })
if (options.isWatched)
  await watch(db, {
    flushMs: FLUSH_MS,
    logger,
    onFinding: (finding) => void link.call('found', finding).catch(ignore),
  })

async function takeOrder(customer: number): Promise<void> {
  await log?.write({ at: Date.now(), action: 'order', customer })
  await db.query('insert into orders (customer) values ($1)', [customer])
}

const server = createServer((request, response) => {
  const customer = Number(request.url?.slice('/orders/'.length))
  db.runRequest({ route: 'POST /orders/:customer' }, async () => await takeOrder(customer)).then(
    () => response.writeHead(201).end(),
    () => response.writeHead(500).end(),
  )
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
await link.call('port', (server.address() as AddressInfo).port)
await link.call('serving')
