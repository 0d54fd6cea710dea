import type { Db, Tx } from 'holdfast'
import { defineJob, type Cron, type JobDefinition } from 'holdfast/jobs'
import { nightlyRequest, reportRequest, type ReportRequest } from './model.js'
import { listSellingEvents } from './repository.js'
import type { Reporter } from './reporter.js'

const WEEK_MS = 7 * 86_400_000
const eventsPerStep = 100

/** One report of one event: long, one at a time per event (by the key it is sent with), kept for a week. */
export function createReportJob(reporter: Reporter): JobDefinition<ReportRequest> {
  return defineJob('event-report', {
    schema: reportRequest,
    keepMs: WEEK_MS,
    timeoutMs: 3_600_000,
    attempts: 5,
    handler: async (job) => await reporter.writeReport(job),
  })
}

/** Asks for the reports of all events that have sold something; each step's requests and its checkpoint are one commit. */
export function createNightlyJob(db: Db, requestReport: (tx: Tx, eventId: string) => Promise<unknown>) {
  return defineJob<object>('nightly-reports', {
    schema: nightlyRequest,
    handler: async ({ checkpoint, signal, progress }) => {
      let { afterId, done } = (await checkpoint.load<{ afterId: string; done: number }>()) ?? { afterId: '0', done: 0 }
      for (let isLast = false; !isLast;) {
        signal.throwIfAborted()
        const ids = await db.tx(async (tx) => {
          const selling = await listSellingEvents(tx, afterId, eventsPerStep)
          for (const id of selling) await requestReport(tx, id)
          await checkpoint.save({ afterId: selling.at(-1) ?? afterId, done: done + selling.length }, { tx })
          return selling
        })
        isLast = ids.length < eventsPerStep
        afterId = ids.at(-1) ?? afterId
        done += ids.length
        progress(done, undefined, 'events')
      }
    },
  })
}

/** At three at night where the box office is; after a night without any process, once. */
export function scheduleNightly(job: JobDefinition<object>): Cron {
  return { name: 'nightly-reports', schedule: '0 3 * * *', timeZone: 'Europe/Lisbon', job, payload: {} }
}
