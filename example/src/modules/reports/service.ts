import type { Db, Tx } from 'holdfast'
import type { JobDefinition, Jobs } from 'holdfast/jobs'
import { eventNotFound } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import { reportBusy, type ReportRequest } from './model.js'

export interface ReportsServiceOptions {
  db: Db
  jobs: Jobs
  reportJob: JobDefinition<ReportRequest>
}

export interface ReportsService {
  /** Gives the id of the report's job: of the one that waits or runs already, where there is one. @throws BOX_EVENT_NOT_FOUND, BOX_REPORT_BUSY */
  requestReport(eventId: string): Promise<string>
}

export function createReportsService({ db, jobs, reportJob }: ReportsServiceOptions): ReportsService {
  async function requestReport(eventId: string): Promise<string> {
    return await db.tx(async (tx) => {
      if (!(await findEventOnSale(tx, eventId))) throw eventNotFound(eventId)
      const id = await sendReport(jobs, reportJob, tx, eventId)
      if (id === '') throw reportBusy(eventId)
      return id
    })
  }

  return { requestReport }
}

/**
 * `uniqueKey`: whoever asks while a report waits or runs is given that one. `key`: should two be there all the same, sent
 * around this function, they run one after the other.
 */
export async function sendReport(
  jobs: Jobs,
  reportJob: JobDefinition<ReportRequest>,
  tx: Tx,
  eventId: string,
): Promise<string> {
  const key = `event:${eventId}`
  const { id } = await jobs.send(tx, reportJob, { eventId }, { key, uniqueKey: key, priority: 'low' })
  return id
}
