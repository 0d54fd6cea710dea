// A worker with one heavy job, in a process of its own, to be killed. It speaks over IPC: `ready`, then a message per
// start, step and end; it ends when its parent does.
const { connectTo } = await import(new URL('../../dist/core/index.js', import.meta.url).href)
const { createJobs, defineJob } = await import(new URL('../../dist/jobs/index.js', import.meta.url).href)

const { url, waitsAt = -1 } = JSON.parse(process.argv[2] ?? '{}')
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
process.on('disconnect', () => process.exit(1))

/** @param {AbortSignal} signal */
const waitForAbort = async (signal) => {
  signal.throwIfAborted()
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}

/** @param {any} job */
async function handle({ payload, attempt, checkpoint, progress, signal }) {
  let { next } = (await checkpoint.load()) ?? { next: 0 }
  process.send?.({ started: payload.event, from: next, attempt })
  for (; next < payload.steps; next++) {
    if (next === waitsAt) {
      process.send?.({ waiting: payload.event })
      await waitForAbort(signal)
    }
    await db.tx(async (/** @type {any} */ tx) => {
      await tx.sql`insert into steps (event, n) values (${payload.event}, ${next})`
      await checkpoint.save({ next: next + 1 }, { tx })
    })
    progress(next + 1, payload.steps, `step ${next + 1}`)
  }
  process.send?.({ ended: payload.event })
  return { steps: next }
}

const db = await connectTo({ url, directUrl: url, heartbeatMs: 600_000, nested: 'report' })
const job = defineJob('heavy', { keepMs: 600_000, backoffMs: 10, handler: handle })
const jobs = await createJobs(db, { jobs: [job], logger })
await jobs.work({ leaseMs: 60_000, concurrency: 5, pollMs: 50 })
process.send?.('ready')
