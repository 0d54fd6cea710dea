import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'holdfast'
import { createJobs, defineJob } from 'holdfast/jobs'
import { formatRun } from '../contests/jobs/run-lines.js'
import { readFoundBy } from '../contests/jobs/user-transactions.js'
import type { Stretch, Subject } from '../harness/types.js'

const BATCH = 1_000
const nothing: Stretch = { operations: 0, seconds: 0, cpuUs: 0 }

/** Writes each run to the file that HOLDFAST_BENCH_RUNS names, at once: what a killed process had in its buffers is lost. */
const subject: Subject = {
  open: async (url) => {
    const file = await open(process.env['HOLDFAST_BENCH_RUNS'] as string, 'a')
    const db = await connect({ url })
    await db.migrate()
    let pauseMs = 0
    // oxlint-disable-next-line node/no-sync -- a kill must not find it still in a buffer
    const note = (id: string) => void writeSync(file.fd, formatRun(id))
    const job = defineJob('runs', {
      handler: ({ id }: { id: string }) => {
        note(id)
        return pauseMs > 0 ? sleep(pauseMs) : undefined
      },
    })
    const jobs = await createJobs(db, { jobs: [job] })
    const begin = async (ms: number) => {
      pauseMs = ms
      await jobs.work()
      return nothing
    }
    const hasJobs = async () => await readFoundBy(db, 'select exists (select from holdfast.jobs_ready) as found')
    return {
      operations: {},
      measures: {
        fill: async (amount) => {
          for (let n = 0; n < amount; n += BATCH)
            await jobs.sendMany(
              job,
              Array.from({ length: Math.min(BATCH, amount - n) }, (_, index) => ({ n: n + index })),
            )
          return nothing
        },
        runs_begin_noop: async () => await begin(0),
        runs_begin_1ms: async () => await begin(1),
        runs_rest: async () => {
          await begin(0)
          while (await hasJobs()) await sleep(10)
          return nothing
        },
      },
      close: async () => {
        await jobs.close()
        await db.close()
        await file.close()
      },
    }
  },
}

export default subject
