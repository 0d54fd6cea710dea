import type { Tx } from 'holdfast'
import type { Idempotency } from 'holdfast/idempotency'
import type { JobDefinition, Jobs } from 'holdfast/jobs'
import { eventNotFound } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import { reportBusy, type ReportRequest } from './model.js'

export interface ReportsServiceOptions {
  jobs: Jobs
  reportJob: JobDefinition<ReportRequest>
  idempotency: Idempotency
}

export interface ReportsService {
  /**
   * Gives the id of the report's job: of the one that waits or runs already, where there is one; under the same key
   * always the same. @throws BOX_EVENT_NOT_FOUND, BOX_REPORT_BUSY, HF_IDEMPOTENCY_…
   */
  requestReport(key: string, eventId: string): Promise<string>
}

export function createReportsService({ jobs, reportJob, idempotency }: ReportsServiceOptions): ReportsService {
  async function requestReport(key: string, eventId: string): Promise<string> {
    const call = { scope: 'POST /events/:id/report', key, input: { eventId } }
    const { value } = await idempotency.run(call, async (tx) => {
      if (!(await findEventOnSale(tx, eventId))) throw eventNotFound(eventId)
      const id = await sendReport(jobs, reportJob, tx, eventId)
      if (id === '') throw reportBusy(eventId)
      return id
    })
    return value
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
