import type { Db } from 'holdfast'
import { createJobs, type JobDefinition, type Jobs } from 'holdfast/jobs'
import { confirmationMail } from './modules/mails/jobs.js'
import type { ReportRequest } from './modules/reports/model.js'
import { createNightlyJob, createReportJob, scheduleNightly } from './modules/reports/jobs.js'
import { createReporter } from './modules/reports/reporter.js'
import { sendReport } from './modules/reports/service.js'
import type { Places } from './modules/holds/places.js'
import type { OrderReference } from './modules/orders/model.js'
import type { PaymentsService } from './modules/payments/service.js'
import { createRefundJob } from './modules/refunds/jobs.js'
import { createRefunder, type Refunder } from './modules/refunds/refunder.js'
import type { DomainEvents } from './utils/domain-events.js'
import type { Logger } from './utils/logger.js'

export interface BoxJobsOptions {
  db: Db
  payments: PaymentsService
  places: Places
  events: DomainEvents
  logger: Logger
}

/** All jobs of the box office, and what the services need to send them. */
export interface BoxJobs {
  jobs: Jobs
  refunder: Refunder
  refundJob: JobDefinition<OrderReference>
  reportJob: JobDefinition<ReportRequest>
}

/** Makes the jobs known to the database. Runs none: that takes a worker. */
export async function createBoxJobs({ db, payments, places, events, logger }: BoxJobsOptions): Promise<BoxJobs> {
  const refunder = createRefunder({ db, payments, places, events })
  const refundJob = createRefundJob(refunder)
  const reportJob = createReportJob(createReporter({ db }))
  const nightlyJob = createNightlyJob(db, async (tx, eventId) => await sendReport(jobs, reportJob, tx, eventId))
  const jobs: Jobs = await createJobs(db, {
    jobs: [confirmationMail, refundJob, reportJob, nightlyJob],
    crons: [scheduleNightly(nightlyJob)],
    logger,
  })
  return { jobs, refunder, refundJob, reportJob }
}

/** Running handlers get this long when the process ends; within `onShutdown`'s time, the wait after an abort included. */
const graceMs = 500

/** Runs jobs in this process, so many at once; 0 runs none. Call the result to stop: what has not started is handed back. */
export async function startWorker(jobs: Jobs, concurrency: number): Promise<() => Promise<void>> {
  if (concurrency === 0) return async () => {}
  const worker = await jobs.work({ concurrency, graceMs })
  return async () => await worker.stop()
}
