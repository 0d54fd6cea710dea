import { createAdaptorServer } from '@hono/node-server'
import { connect } from 'holdfast'
import { createIdempotency } from 'holdfast/idempotency'
import type { Server } from 'node:http'
import { readPaymentsConfig } from '../config.js'
import { migrate } from '../database/migrate.js'
import { onShutdown, reportToSupervisor } from '../utils/lifecycle.js'
import { closeServer, listen } from '../utils/listen.js'
import { createLogger } from '../utils/logger.js'
import { createPaymentsApp } from './app.js'
import { paymentsMigrations } from './tables.js'

const config = readPaymentsConfig()
const logger = createLogger({ name: 'payments', level: config.LOG_LEVEL })
const url = config.PAYMENTS_DATABASE_URL
// The direct url too: left out, it would come from the environment and lead to the box office's database.
const db = await connect({ url, directUrl: url, applicationName: 'payments', pool: { max: 5 }, logger })
await migrate(db, paymentsMigrations)

const idempotency = createIdempotency(db, { logger })
const { app } = createPaymentsApp({ db, idempotency, logger })
const server = createAdaptorServer({ fetch: app.fetch }) as Server

onShutdown(logger, async () => {
  await closeServer(server, 500)
  await idempotency.close()
  await db.close({ deadlineMs: 500 })
})

// Loopback only: this service trusts its callers.
const port = await listen(server, config.PAYMENTS_PORT, '127.0.0.1')
logger.info({ port }, 'listening')
reportToSupervisor({ type: 'ready', port })
