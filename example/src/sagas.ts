import type { Db } from 'holdfast'
import { createSagas, type SagaDefinition, type Sagas } from 'holdfast/sagas'
import type { BoxJobs } from './jobs.js'
import { createCancelEvent, type EventReference } from './modules/cancellations/saga.js'
import { createCheckout, type Checkout } from './modules/checkouts/saga.js'
import type { Places } from './modules/holds/places.js'
import type { PaymentsService } from './modules/payments/service.js'
import type { DomainEvents } from './utils/domain-events.js'
import type { Logger } from './utils/logger.js'

export interface BoxSagasOptions {
  db: Db
  jobs: BoxJobs
  payments: PaymentsService
  places: Places
  events: DomainEvents
  logger: Logger
}

/** All sagas of the box office. A change of the steps of one is another version of it, beside the old one. */
export interface BoxSagas {
  sagas: Sagas
  checkout: Checkout
  cancelEvent: SagaDefinition<EventReference, { refunds: number }>
}

/** Makes the sagas known to the database. Runs none: that takes `sagas.work()`. */
export async function createBoxSagas(options: BoxSagasOptions): Promise<BoxSagas> {
  const { db, payments, places, events, logger } = options
  const { jobs, refundJob } = options.jobs
  const checkout = createCheckout({ payments, places, events, jobs })
  const cancelEvent = createCancelEvent({ jobs, refundJob })
  const sagas = await createSagas(db, { sagas: [checkout, cancelEvent], logger })
  return { sagas, checkout, cancelEvent }
}
