// A worker, to be killed and stopped.
import { createJobs } from 'holdfast/jobs'
import { isClockMessage, setClock } from '../clock.js'
import { jobs as definitions } from './definitions.js'
import { insist, logger, openDb } from '../program.js'
import type { ProgramOptions } from './protocol.js'

const { url, leaseMs } = JSON.parse(process.argv[2] ?? '{}') as ProgramOptions
const db = await openDb(url)
const jobs = await insist(async () => await createJobs(db, { jobs: Object.values(definitions), logger }))
const worker = await insist(async () => await jobs.work({ concurrency: 10, leaseMs, pollMs: 100, graceMs: 1_000 }))
process.on('message', (what) => (isClockMessage(what) ? setClock(what) : void stop()))
process.send?.('ready')

async function stop(): Promise<void> {
  await worker.stop()
  await jobs.close()
  await db.close({ deadlineMs: 1_000 })
  process.exit(0)
}
