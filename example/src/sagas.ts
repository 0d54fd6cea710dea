import type { Db } from 'holdfast'
import { createSagas, type SagaDefinition, type Sagas } from 'holdfast/sagas'
import type { BoxJobs } from './jobs.js'
import { createCancelEvent, type EventReference } from './modules/cancellations/saga.js'
import type { Logger } from './utils/logger.js'

export interface BoxSagasOptions {
  db: Db
  jobs: BoxJobs
  logger: Logger
}

/** All sagas of the box office. A change of the steps of one is another version of it, beside the old one. */
export interface BoxSagas {
  sagas: Sagas
  cancelEvent: SagaDefinition<EventReference, { refunds: number }>
}

/** Makes the sagas known to the database. Runs none: that takes `sagas.work()`. */
export async function createBoxSagas({ db, jobs: { jobs, refundJob }, logger }: BoxSagasOptions): Promise<BoxSagas> {
  const cancelEvent = createCancelEvent({ jobs, refundJob })
  const sagas = await createSagas(db, { sagas: [cancelEvent], logger })
  return { sagas, cancelEvent }
}
