import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import type { Db } from 'holdfast'
import { createJobEndpoints, honoContext } from 'holdfast/http'
import type { Idempotency } from 'holdfast/idempotency'
import type { Locks } from 'holdfast/locks'
import type { BoxJobs } from './jobs.js'
import type { BoxSagas } from './sagas.js'
import type { AuditLog } from './modules/audit/audit-log.js'
import { auditRequests } from './modules/audit/middleware.js'
import { createAuditRoutes } from './modules/audit/routes.js'
import { createAuditService } from './modules/audit/service.js'
import { createCancellationsRoutes } from './modules/cancellations/routes.js'
import { createCancellationsService } from './modules/cancellations/service.js'
import { createCheckoutsRoutes } from './modules/checkouts/routes.js'
import { createCheckoutsService } from './modules/checkouts/service.js'
import { createCustomersRoutes } from './modules/customers/routes.js'
import { createCustomersService } from './modules/customers/service.js'
import { createEventsRoutes } from './modules/events/routes.js'
import { createEventsService } from './modules/events/service.js'
import { createExportsRoutes } from './modules/exports/routes.js'
import { createExportsService } from './modules/exports/service.js'
import type { Importer } from './modules/history/importer.js'
import { createHistoryRoutes, createImportRoutes } from './modules/history/routes.js'
import { createHistoryService } from './modules/history/service.js'
import type { Places } from './modules/holds/places.js'
import { createHoldsRoutes } from './modules/holds/routes.js'
import { createHoldsService } from './modules/holds/service.js'
import { createOrdersRoutes } from './modules/orders/routes.js'
import { createOrdersService } from './modules/orders/service.js'
import { createPresaleRoutes } from './modules/presale/routes.js'
import { createRush } from './modules/presale/rush.js'
import { createPresaleService } from './modules/presale/service.js'
import { createRefundsRoutes } from './modules/refunds/routes.js'
import { createRefundsService } from './modules/refunds/service.js'
import { createReportRunsRoutes, createReportsRoutes } from './modules/reports/routes.js'
import { createReportsService } from './modules/reports/service.js'
import { createSeatsRoutes } from './modules/seats/routes.js'
import { createSeatsService } from './modules/seats/service.js'
import { createVenuesRoutes } from './modules/venues/routes.js'
import { createVenuesService } from './modules/venues/service.js'
import { createStartPage } from './pages/start-page.js'
import type { DomainEvents } from './utils/domain-events.js'
import { BoxError } from './utils/errors.js'
import type { Logger } from './utils/logger.js'
import { answerProblem } from './utils/problem.js'
import { logFailure, logRequests } from './utils/request-log.js'

export type AppEnv = { Bindings: Partial<HttpBindings> }

export interface AppOptions {
  db: Db
  places: Places
  events: DomainEvents
  jobs: BoxJobs
  sagas: BoxSagas
  idempotency: Idempotency
  locks: Locks
  importer: Importer
  /** Off until its dial is turned. */
  auditLog: AuditLog
  logger: Logger
  /** Serves /_holdfast/; made by `createHttp(db)`. */
  holdfast: { fetch(request: Request, info: { remoteAddress?: string }): Promise<Response> }
  /** Ends what waits for an outcome at once, on shutdown. */
  ending?: AbortSignal
  /** A buyer waits for so long to be told the outcome. Default: 10 000 ms. */
  buyerWaitsMs?: number
}

/** Composes the box office: services from the database up, routes from the services. Opens nothing by itself. */
export function createBoxOffice(options: AppOptions): Hono<AppEnv> {
  const { db, places, events: domainEvents, idempotency, locks, importer, logger, holdfast, ending } = options
  const { auditLog, buyerWaitsMs } = options
  const { jobs, refunder, refundJob, reportJob } = options.jobs
  const events = createEventsService({ db })
  const orders = createOrdersService({ db })
  const checkouts = createCheckoutsService({
    db,
    places,
    idempotency,
    ...options.sagas,
    ...(ending && { signal: ending }),
    ...(buyerWaitsMs !== undefined && { waitMs: buyerWaitsMs }),
  })
  const reports = createReportsService({ jobs, reportJob, idempotency })
  const reportRuns = createJobEndpoints(jobs, { only: [reportJob], basePath: '/reports' })
  const cancellations = createCancellationsService({ db, idempotency, ...options.sagas })
  const refunds = createRefundsService({ db, refunder, jobs, refundJob, idempotency })

  const app = new Hono<AppEnv>()
  // Before the context: the dashboard's own polling must not show up among the application's routes.
  app.all('/_holdfast/*', (c) => holdfast.fetch(c.req.raw, readRemote(c.env.incoming?.socket.remoteAddress)))
  app.use(honoContext(db), logRequests(logger), auditRequests(auditLog))
  app.get('/health', async (c) => {
    await db.query('select 1', [], { deadlineMs: 1_000 })
    return c.json({ status: 'ok', pid: process.pid })
  })
  const audit = createAuditService({ db, log: auditLog })
  app.route('/', createStartPage(events, importer, audit))
  app.route('/audit', createAuditRoutes(audit))
  app.route('/venues', createVenuesRoutes(createVenuesService({ db })))
  app.route('/events', createEventsRoutes(events))
  app.route('/events', createSeatsRoutes(createSeatsService({ db })))
  app.route('/events', createReportsRoutes(reports, reportRuns))
  app.route('/events', createCancellationsRoutes(cancellations))
  app.route('/reports', createReportRunsRoutes(reportRuns))
  const customers = createCustomersService({ idempotency })
  app.route('/customers', createCustomersRoutes({ customers, orders, importer }))
  app.route('/customers', createHistoryRoutes(createHistoryService({ db })))
  app.route('/history', createImportRoutes(importer))
  app.route('/customers', createExportsRoutes(createExportsService({ db, locks })))
  app.route('/', createHoldsRoutes(createHoldsService({ db, places })))
  app.route('/orders', createOrdersRoutes(orders, checkouts))
  app.route('/checkouts', createCheckoutsRoutes(checkouts))
  app.route('/orders', createRefundsRoutes(refunds))
  const presale = createPresaleService({ db })
  app.route(
    '/presale',
    createPresaleRoutes(
      presale,
      createRush({ post: (path, body) => post(app, path, body), logger, ...(ending && { signal: ending }) }),
    ),
  )
  app.notFound(() => answerProblem(routeNotFound()))
  app.onError((error) => {
    logFailure(logger, error)
    return answerProblem(error)
  })
  domainEvents.subscribe((event) => logger.info({ event: event.type, orderId: event.orderId }, 'domain event'))
  return app
}

async function post(app: Hono<AppEnv>, path: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  await app.request(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

function readRemote(remoteAddress: string | undefined): { remoteAddress?: string } {
  return remoteAddress === undefined ? {} : { remoteAddress }
}

function routeNotFound(): BoxError {
  return new BoxError({
    code: 'BOX_ROUTE_NOT_FOUND',
    status: 404,
    message: 'Nothing is served at this address.',
    fix: 'See the routes in example/src/app.ts, or start at GET /.',
  })
}
