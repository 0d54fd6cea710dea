// The process of one subject: waits for orders and does its work for a stretch at a time.

import type { Stretch, Subject, Work } from './types.js'

interface RunOrder {
  metric: string
  /** Milliseconds, or jobs. */
  size: number
  lanes: number
}

const [module = '', url = '', lanes = '1'] = process.argv.slice(2)
const subject = ((await import(module)) as { default: Subject }).default
const work = await subject.open(url, Number(lanes))
process.on('message', (order: RunOrder | 'close') => {
  void (order === 'close' ? finish(work) : runStretch(work, order).then((stretch) => process.send?.(stretch)))
})
// Whoever gave the orders may have been killed, and a peer may leave a timer behind: neither keeps this process.
process.on('disconnect', () => process.exit())
process.once('SIGTERM', () => void finish(work))
process.send?.('ready')

async function finish({ close }: Work): Promise<void> {
  await close()
  process.disconnect()
}

/** Every lane repeats the operation until the time is over; CPU is the whole process's, so nothing can hide beside it. */
async function runStretch({ operations, measures, tidy }: Work, order: RunOrder): Promise<Stretch> {
  const { metric, size, lanes: count } = order
  const measure = measures?.[metric]
  if (measure) return await measure(size)
  const operate = operations[metric]
  if (!operate) throw new Error(`No operation ${metric}`)
  const cpu = process.cpuUsage()
  const started = performance.now()
  const endsAt = started + size
  let done = 0
  const runLane = async () => {
    while (performance.now() < endsAt) {
      await operate()
      done++
    }
  }
  await Promise.all(Array.from({ length: count }, runLane))
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - started) / 1_000
  await tidy?.()
  return { operations: done, seconds, cpuUs: used.user + used.system }
}
