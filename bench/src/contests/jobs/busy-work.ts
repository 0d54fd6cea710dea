import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom } from 'holdfast/prove'
import type { Stretch, Work } from '../../harness/types.js'

const BATCH = 500
const PATIENCE_MS = 120_000
const HANDLER_MS = 1
/** Customers of whom no two jobs may run at once. */
const KEYS = 10_000
const NOTE_BYTES = 1_900
/** One in ten of the first half, which is 5 % of all: a peer whose shortest pause is seconds still has other jobs meanwhile. */
const FAILING = 0.1

export interface BusyPayload {
  n: number
  customer: string
  /** Its first attempt fails. */
  fails: boolean
  note: string
}

export interface BusyJob {
  key: string
  uniqueKey: string
  payload: BusyPayload
}

export interface BusyQueue {
  sendMany(jobs: readonly BusyJob[]): Promise<unknown>
  /** Starts a worker whose handler awaits `handle`; `attempt` is 1 the first time. */
  work(handle: (payload: BusyPayload, attempt: number) => Promise<void>): Promise<() => Promise<void>>
  /** Whether there is a job whose completion is not committed yet, as another connection sees it. */
  hasJobs(): Promise<boolean>
  clear(): Promise<void>
  close(): Promise<void>
}

/** What the processes of busy.ts do: one fills and looks, the others work. */
export function createBusyWork(queue: BusyQueue): Work {
  let stop: (() => Promise<void>) | undefined
  let firstAt = 0
  let ran = 0
  let cpu = process.cpuUsage()
  const handle = async ({ fails }: BusyPayload, attempt: number) => {
    if (firstAt === 0) firstAt = readClock()
    await sleep(HANDLER_MS)
    if (fails && attempt === 1) throw new Error('The mail service did not answer')
    ran++
  }
  return {
    operations: {},
    measures: {
      busy_fill: async (amount) => {
        await queue.clear()
        await fill(queue, amount)
        return describe(amount, [])
      },
      busy_begin: async () => {
        firstAt = ran = 0
        cpu = process.cpuUsage()
        stop = await queue.work(handle)
        return describe(0, [])
      },
      busy_await: async (amount) => {
        const endsAt = performance.now() + PATIENCE_MS
        while (await queue.hasJobs()) {
          if (performance.now() > endsAt) throw new Error(`Jobs are left after ${PATIENCE_MS} ms.`)
          await sleep(10)
        }
        return describe(amount, [readClock()])
      },
      busy_end: async () => {
        await stop?.()
        stop = undefined
        const { user, system } = process.cpuUsage(cpu)
        return { ...describe(ran, firstAt === 0 ? [] : [firstAt]), cpuUs: user + system }
      },
    },
    close: async () => {
      await stop?.()
      await queue.close()
    },
  }
}

async function fill(queue: BusyQueue, amount: number): Promise<void> {
  const random = createRandom(1)
  const run = readClock()
  for (let n = 0; n < amount; n += BATCH) {
    const size = Math.min(BATCH, amount - n)
    await queue.sendMany(Array.from({ length: size }, (_, index) => createJob(random, n + index, amount, run)))
  }
}

function createJob(random: () => number, n: number, amount: number, run: number): BusyJob {
  const customer = `customer:${Math.floor(random() * KEYS)}`
  const fails = n < amount / 2 && random() < FAILING
  return { key: customer, uniqueKey: `order:${run}:${n}`, payload: { n, customer, fails, note: createNote(random) } }
}

/** Text that does not compress to nothing. */
function createNote(random: () => number): string {
  let note = ''
  while (note.length < NOTE_BYTES) note += random().toString(36).slice(2)
  return note.slice(0, NOTE_BYTES)
}

/** One clock for all processes of a machine. @unit ms */
function readClock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function describe(operations: number, samples: number[]): Stretch {
  return { operations, seconds: 0, cpuUs: 0, samples }
}
