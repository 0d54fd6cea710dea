import { Hono } from 'hono'
import type { Db } from 'holdfast'
import { honoContext } from 'holdfast/http'
import type { Idempotency } from 'holdfast/idempotency'
import { logFailure, logRequests } from '../utils/request-log.js'
import type { Logger } from '../utils/logger.js'
import { answerProblem } from '../utils/problem.js'
import { createDials, type Dials } from './dials.js'
import { createPaymentsRoutes } from './routes.js'
import { createPaymentsDesk } from './service.js'

export interface PaymentsApp {
  app: Hono
  dials: Dials
}

export interface PaymentsAppOptions {
  db: Db
  idempotency: Idempotency
  logger: Logger
}

/** Composes the payments service. It knows nothing of the box office but the references it is given. */
export function createPaymentsApp({ db, idempotency, logger }: PaymentsAppOptions): PaymentsApp {
  const dials = createDials()
  const app = new Hono()
  app.use(honoContext(db), logRequests(logger))
  app.get('/health', async (c) => {
    await db.query('select 1', [], { deadlineMs: 1_000 })
    return c.json({ status: 'ok', pid: process.pid })
  })
  app.route('/', createPaymentsRoutes(createPaymentsDesk({ db, dials, idempotency }), dials))
  app.onError((error) => {
    logFailure(logger, error)
    return answerProblem(error)
  })
  return { app, dials }
}
