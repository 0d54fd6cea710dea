import { setTimeout as sleep } from 'node:timers/promises'
import type { Stretch, Work } from '../../harness/types.js'

export const BATCH = 1_000
/** Jobs sent per second where latency is measured: an idle server. */
export const PACE_PER_SECOND = 50
/** A queue that lost a job must not keep the contest waiting. */
const PATIENCE_MS = 120_000

/** About 200 bytes of JSON. */
export interface Payload {
  sentAt: number
  order: string
  note: string
}

/** What a queue must be able to do to take part. */
export interface BenchQueue {
  send(payload: Payload): Promise<unknown>
  sendMany(payloads: readonly Payload[]): Promise<unknown>
  /** A row of the user's own in a transaction, and with a payload a job in the same one. */
  runTransaction?(payload?: Payload): Promise<unknown>
  /** Starts a worker, gives what stops it. The handler does nothing but say that it has begun. */
  work(onStart: (payload: Payload) => void): Promise<() => Promise<void>>
  /** Whether there is a job whose completion is not committed yet, as another connection sees it. */
  hasJobs(): Promise<boolean>
  /** Throws unless exactly `amount` jobs did what they should have. */
  verify?(amount: number): Promise<void>
  clear(): Promise<void>
  close(): Promise<void>
}

/** Metrics of the contest `jobs` on any queue. */
export async function createWork(queue: BenchQueue): Promise<Work> {
  await queue.clear()
  const batch = Array.from({ length: BATCH }, createPayload)
  const receiver = createReceiver(queue)
  const drain = createDrain(queue, batch)
  return {
    operations: {
      batch_enqueue: async () => await queue.sendMany(batch),
      single_enqueue_32: async () => await queue.send(createPayload()),
      tx_with: async () => await queue.runTransaction?.(createPayload()),
      tx_without: async () => await queue.runTransaction?.(),
    },
    measures: {
      drain,
      fill: async (amount) => await rest(async () => await fill(queue, batch, amount)),
      drain_more: async (amount) => await drainMore(queue, batch, amount),
      clear: async () => await rest(async () => await queue.clear()),
      idle: async (ms) => await rest(async () => await idle(queue, ms)),
      latency_send: async (ms) => await sendPaced(queue, ms),
      latency_receive: receiver.receive,
    },
    tidy: async () => await queue.clear(),
    close: async () => {
      await receiver.close()
      await queue.clear()
      await queue.close()
    },
  }
}

function createPayload(): Payload {
  return { sentAt: readClock(), order: '0193f2a4-5c1e-7d3b-9a44-1f6c2e8b7d10', note: 'x'.repeat(120) }
}

/** One clock for all processes of a machine. @unit ms */
function readClock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/**
 * Fills the queue, starts one worker and measures until every completion is committed. The clock begins with the first
 * job's start, as nobody's boot counts; it ends when a look at the tables finds no job left, the one sign that all queues
 * give: some tell of a completion before its commit, some not at all. Looks begin only when every job has been started.
 */
function createDrain(queue: BenchQueue, batch: readonly Payload[]): (ms: number) => Promise<Stretch> {
  let perMs = 10
  return async (ms) => {
    // As many as take about the time asked for: the rates are compared, and a short drain would measure its beginning.
    const batches = Math.max(1, Math.round((perMs * ms) / BATCH))
    for (let n = 0; n < batches; n++) await queue.sendMany(batch)
    const stretch = await drainQueue(queue, batches * BATCH)
    perMs = stretch.operations / (stretch.seconds * 1_000)
    await queue.verify?.(stretch.operations)
    await queue.clear()
    return stretch
  }
}

async function drainQueue(queue: BenchQueue, amount: number): Promise<Stretch> {
  let begun = 0
  let beganAt = 0
  const cpu = process.cpuUsage()
  const stop = await queue.work(() => {
    if (begun++ === 0) beganAt = performance.now()
  })
  await waitUntil(async () => begun >= amount && !(await queue.hasJobs()), 2)
  const seconds = (performance.now() - beganAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  await stop()
  return { operations: amount, seconds, cpuUs: user + system }
}

/**
 * So many jobs are sent, and as many drained from the front of a queue that may hold others. The clock begins with the
 * first start; it ends when the worker has stopped, with all that it began committed: a look at the tables would tell
 * nothing where jobs remain.
 */
async function drainMore(queue: BenchQueue, batch: readonly Payload[], amount: number): Promise<Stretch> {
  await fill(queue, batch, amount)
  let begun = 0
  let beganAt = 0
  const cpu = process.cpuUsage()
  const enough = createEvent()
  const stop = await queue.work(() => {
    if (begun++ === 0) beganAt = performance.now()
    if (begun === amount) enough.happen()
  })
  await enough.happened
  await stop()
  const seconds = (performance.now() - beganAt) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return { operations: begun, seconds, cpuUs: user + system }
}

async function fill(queue: BenchQueue, batch: readonly Payload[], amount: number): Promise<void> {
  for (let sent = 0; sent < amount; sent += BATCH) await queue.sendMany(batch.slice(0, amount - sent))
}

function createEvent(): { happened: Promise<void>; happen: () => void } {
  let happen = () => {}
  const happened = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Jobs are missing after ${PATIENCE_MS} ms.`)), PATIENCE_MS)
    happen = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  return { happened, happen: () => happen() }
}

/** A worker without jobs: its upkeep goes on. */
async function idle(queue: BenchQueue, ms: number): Promise<void> {
  const stop = await queue.work(() => {})
  await sleep(ms)
  await stop()
}

/** What is done between measurements. */
async function rest(act: () => Promise<void>): Promise<Stretch> {
  await act()
  return { operations: 0, seconds: 0, cpuUs: 0 }
}

/** At irregular times, so that no timer of a queue can be in step with them. */
async function sendPaced(queue: BenchQueue, ms: number): Promise<Stretch> {
  const amount = countPaced(ms)
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const sent: Promise<unknown>[] = []
  for (let n = 0; n < amount; n++) {
    const dueAt = startedAt + ((n + Math.random()) * 1_000) / PACE_PER_SECOND
    await sleep(Math.max(0, dueAt - performance.now()))
    sent.push(queue.send(createPayload()))
  }
  await Promise.all(sent)
  const { user, system } = process.cpuUsage(cpu)
  return { operations: amount, seconds: (performance.now() - startedAt) / 1_000, cpuUs: user + system }
}

/** A worker that lives as long as its process and times the jobs of another one, which sends as many as it awaits. */
function createReceiver(queue: BenchQueue): { receive: (ms: number) => Promise<Stretch>; close: () => Promise<void> } {
  let samples: number[] = []
  let stop: (() => Promise<void>) | undefined
  return {
    receive: async (ms) => {
      const amount = countPaced(ms)
      const cpu = process.cpuUsage()
      const startedAt = performance.now()
      stop ??= await queue.work(({ sentAt }) => void samples.push(readClock() - sentAt))
      await waitUntil(() => samples.length >= amount, 20)
      const { user, system } = process.cpuUsage(cpu)
      const seconds = (performance.now() - startedAt) / 1_000
      const stretch = { operations: amount, seconds, cpuUs: user + system, samples }
      samples = []
      return stretch
    },
    close: async () => await stop?.(),
  }
}

function countPaced(ms: number): number {
  return Math.max(1, Math.round((ms * PACE_PER_SECOND) / 1_000))
}

async function waitUntil(isTrue: () => boolean | Promise<boolean>, everyMs: number): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS
  while (!(await isTrue())) {
    if (performance.now() > endsAt) throw new Error(`Jobs are missing after ${PATIENCE_MS} ms.`)
    await sleep(everyMs)
  }
}
