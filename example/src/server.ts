import { createAdaptorServer } from '@hono/node-server'
import { connect } from 'holdfast'
import { createHttp } from 'holdfast/http'
import { createHolds } from 'holdfast/holds'
import { createIdempotency } from 'holdfast/idempotency'
import { createLocks } from 'holdfast/locks'
import { watch } from 'holdfast/watch'
import type { Server } from 'node:http'
import { createBoxOffice } from './app.js'
import { readConfig } from './config.js'
import { migrate } from './database/migrate.js'
import { migrations } from './database/migrations/index.js'
import { createBoxJobs, startWorker } from './jobs.js'
import { createBoxSagas } from './sagas.js'
import { createAuditLog } from './modules/audit/audit-log.js'
import { numberedSeats, standingPlaces } from './modules/holds/model.js'
import { createImporter } from './modules/history/importer.js'
import { createPlaces } from './modules/holds/places.js'
import { createPaymentsClient } from './modules/payments/client.js'
import { createPaymentsService } from './modules/payments/service.js'
import { createDomainEvents } from './utils/domain-events.js'
import { onShutdown, reportToSupervisor } from './utils/lifecycle.js'
import { closeServer, describePortTaken, isPortTaken, listen } from './utils/listen.js'
import { createLogger } from './utils/logger.js'

const config = readConfig()
const logger = createLogger({ name: 'box-office', level: config.LOG_LEVEL })
const db = await connect({ url: config.DATABASE_URL, applicationName: 'box-office', logger })
await migrate(db, migrations)
const watching = await watch(db, { logger })

const ending = new AbortController()
const client = createPaymentsClient({
  url: config.PAYMENTS_URL,
  timeoutMs: config.PAYMENTS_TIMEOUT_MS,
  signal: ending.signal,
})
const payments = createPaymentsService({ client, logger })
const events = createDomainEvents()
const holds = await createHolds(db, { from: [standingPlaces, numberedSeats], logger })
const places = createPlaces({ holds, logger })
const boxJobs = await createBoxJobs({ db, payments, places, events, logger })
const boxSagas = await createBoxSagas({ db, jobs: boxJobs, payments, places, events, logger })
const idempotency = createIdempotency(db, { logger })
const locks = createLocks(db, { logger })
const importer = await createImporter({ db, logger })
const auditLog = createAuditLog()
const access = config.HOLDFAST_TOKEN === undefined ? {} : { token: config.HOLDFAST_TOKEN }
const holdfast = createHttp(db, { ...access, jobs: boxJobs.jobs })
const app = createBoxOffice({
  db,
  places,
  events,
  jobs: boxJobs,
  sagas: boxSagas,
  idempotency,
  locks,
  importer,
  auditLog,
  logger,
  holdfast,
  ending: ending.signal,
})
const server = createAdaptorServer({ fetch: app.fetch }) as Server
await boxSagas.sagas.work({ graceMs: 500 })
const stopWorker = await startWorker(boxJobs.jobs, config.JOBS_CONCURRENCY)

onShutdown(logger, async () => {
  // Running purchases get a second to finish; who still waits then is answered 202, and another process goes on, or the next start.
  setTimeout(() => ending.abort(), 1_000).unref()
  holdfast.close()
  await Promise.all([closeServer(server), stopWorker(), boxSagas.sagas.close(), importer.close(), auditLog.turn(false)])
  // After the last request: it may have sent a job, of which workers elsewhere are still to be told.
  await Promise.all([boxJobs.jobs.close(), idempotency.close(), holds.close(), locks.close()])
  await watching.stop()
  await db.close({ deadlineMs: 500 })
})

try {
  const port = await listen(server, config.PORT, config.HOST)
  logger.info({ port }, 'listening')
  reportToSupervisor({ type: 'ready', port })
} catch (error) {
  if (!isPortTaken(error)) throw error
  process.stderr.write(`${describePortTaken(config.PORT)}\n`)
  process.exit(2)
}
