// The process of one subject: waits for orders and does its work for a stretch at a time.

import type { Stretch, Subject, Work } from './types.js'

interface RunOrder {
  metric: string
  ms: number
  lanes: number
}

const [module = '', url = '', lanes = '1'] = process.argv.slice(2)
const subject = ((await import(module)) as { default: Subject }).default
const work = await subject.open(url, Number(lanes))
process.on('message', (order: RunOrder | 'close') => {
  void (order === 'close' ? finish(work) : runStretch(work, order).then((stretch) => process.send?.(stretch)))
})
process.send?.('ready')

async function finish({ close }: Work): Promise<void> {
  await close()
  process.disconnect()
}

/** Every lane repeats the operation until the time is over; CPU is the whole process's, so nothing can hide beside it. */
async function runStretch({ operations }: Work, { metric, ms, lanes: count }: RunOrder): Promise<Stretch> {
  const operate = operations[metric]
  if (!operate) throw new Error(`No operation ${metric}`)
  const cpu = process.cpuUsage()
  const started = performance.now()
  const endsAt = started + ms
  let done = 0
  const runLane = async () => {
    while (performance.now() < endsAt) {
      await operate()
      done++
    }
  }
  await Promise.all(Array.from({ length: count }, runLane))
  const used = process.cpuUsage(cpu)
  return { operations: done, seconds: (performance.now() - started) / 1_000, cpuUs: used.user + used.system }
}
