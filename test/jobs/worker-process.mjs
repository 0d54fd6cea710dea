// A worker in a process of its own, to be killed, stopped or blocked. It speaks over IPC: `ready`, then one message per
// job that starts; it ends when its parent does.
import { existsSync } from 'node:fs'

const { connectTo } = await import(new URL('../../dist/core/index.js', import.meta.url).href)
const { createJobs, defineJob } = await import(new URL('../../dist/jobs/index.js', import.meta.url).href)

const { url, leaseMs, concurrency, mode } = JSON.parse(process.argv[2] ?? '{}')
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
process.on('disconnect', () => process.exit(1))

/** Until the file is there: it keeps the event loop, so nothing else could tell it. @param {string} file */
function block(file) {
  while (!existsSync(file));
}

/** @param {any} job */
async function handle(job) {
  const { payload, tx, id, attempt } = job
  process.send?.({ started: payload.n, attempt })
  if (payload.kills) process.kill(process.pid, 'SIGKILL')
  if (tx) await tx.query('insert into effects (job, n) values ($1, $2)', [id, payload.n])
  if (payload.blocksUntil && leaseMs < 1_000) block(payload.blocksUntil)
  if (payload.waitsMs) await new Promise((resolve) => setTimeout(resolve, payload.waitsMs))
  process.send?.({ ended: payload.n })
}

const db = await connectTo({ url, directUrl: url, heartbeatMs: 600_000, nested: 'report' })
const options = mode === 'transaction' ? { mode, backoffMs: 10 } : { backoffMs: 10 }
const job = defineJob('crashing', { ...options, attempts: 3, handler: handle })
const jobs = await createJobs(db, { jobs: [job], logger })
const worker = await jobs.work({ leaseMs, concurrency, pollMs: 50 })
process.on('message', () => void stop())
async function stop() {
  await worker.stop()
  await jobs.close()
  await db.close()
  process.disconnect()
}
process.send?.('ready')
