// A thread of its own: looks whether the main thread's loop turns, and what it does where it does not.

import { Session, type Runtime } from 'node:inspector'
import { parentPort, workerData } from 'node:worker_threads'
import { BEATS, IS_BUSY, SLEEPS, type StillReport, type WatchdogStart } from './beat.js'
import { readDelay } from './run-delay.js'

const LOOK_MS = 10
/** The loop turns every 10 ms: it is later than that. */
const STILL_MS = 20
/** So long without a request, and it sleeps. */
const AWAKE_MS = 1_000
/** Looked at for so long; native code lets itself be stopped only when it returns. */
const LONGEST_MS = 120_000
/** The thread itself was late by so much: the machine was busy, or the process was stopped. */
const LATE_MS = 25

const { cells: memory, lookAfterMs, leastMs, lookSymbol } = workerData as WatchdogStart
const cells = new Int32Array(memory)
let beats = Atomics.load(cells, BEATS)
let movedAt = performance.now()
/** How long the main thread had waited for the machine when it began to stand still. */
let delayBefore: number | undefined
let busyAt = performance.now()

let isAsleep = false

// It may have thought better of it meanwhile.
parentPort?.on('message', () => {
  if (!isAsleep) return
  isAsleep = false
  look()
})
look()

function look(): void {
  const now = performance.now()
  note(now)
  if (now - movedAt >= lookAfterMs) return void watchStall().then(next)
  next()
}

function next(): void {
  if (performance.now() - busyAt >= AWAKE_MS) {
    isAsleep = true
    Atomics.store(cells, SLEEPS, 1)
    // Somebody may have come between the look and the store.
    if (Atomics.load(cells, IS_BUSY) === 0) return
    isAsleep = false
    Atomics.store(cells, SLEEPS, 0)
  }
  const askedAt = performance.now()
  setTimeout(() => {
    // Late itself: the main thread may not have run either, and nothing is to be learnt from its silence.
    if (performance.now() - askedAt > LOOK_MS + LATE_MS) move(Atomics.load(cells, BEATS), performance.now())
    look()
  }, LOOK_MS)
}

/** Whether it has turned since, or has nothing to do. */
function note(now: number): boolean {
  const current = Atomics.load(cells, BEATS)
  const isBusy = Atomics.load(cells, IS_BUSY) === 1
  if (isBusy) busyAt = now
  if (isBusy && current === beats) {
    // Read only where it stands still, and not each time that the loop is merely between two turns.
    if (now - movedAt >= STILL_MS) delayBefore ??= readDelay()
    return false
  }
  move(current, now)
  return true
}

function move(current: number, now: number): void {
  beats = current
  movedAt = now
  delayBefore = undefined
}

async function watchStall(): Promise<void> {
  const since = movedAt
  const delayed = delayBefore
  const session = new Session()
  let look = 0
  try {
    session.connectToMainThread()
    await Promise.race([ask(session).then((answer) => (look = answer)), waitForTurn(since)])
  } catch {
    // The process ends: then there is nothing to tell.
  } finally {
    session.disconnect()
  }
  await waitForTurn(since)
  const ms = performance.now() - since
  const delay = readDelay()
  const starvedMs = delay === undefined || delayed === undefined ? undefined : delay - delayed
  const until = performance.timeOrigin + performance.now()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  if (ms >= leastMs) parentPort?.postMessage({ ms, until, look, starvedMs } satisfies StillReport)
  note(performance.now())
}

/** Answered in the middle of what runs, or when native code returns. */
async function ask(session: Session): Promise<number> {
  const expression = `globalThis[Symbol.for(${JSON.stringify(lookSymbol)})]?.(${beats})`
  return await new Promise((resolve) => {
    const how = { expression, returnByValue: true, silent: true }
    session.post('Runtime.evaluate', how, (error, answer?: Runtime.EvaluateReturnType) => {
      const value: unknown = error === null ? answer?.result.value : undefined
      resolve(typeof value === 'number' ? value : 0)
    })
  })
}

async function waitForTurn(since: number): Promise<void> {
  while (performance.now() - since < LONGEST_MS && Atomics.load(cells, BEATS) === beats)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS / 2))
}
