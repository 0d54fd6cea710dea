import { Histogram } from '../core/index.js'
import type { Figures } from './types.js'

export interface Rush {
  /** How many arrive. */
  arrivals: number
  /** Mean arrivals per second; they come when they come, whether or not earlier ones were served (open loop). */
  perSecond: number
  random: () => number
  signal: AbortSignal
}

/**
 * Lets `arrivals` callers come at random instants fixed in advance and measures each from the instant it was due, so
 * that a stalled server is charged for everyone it kept waiting (no coordinated omission).
 */
export async function runRush(
  { arrivals, perSecond, random, signal }: Rush,
  act: (index: number) => Promise<void>,
): Promise<Figures> {
  const latency = new Histogram()
  let failed = 0
  let dueMs = 0
  const started = performance.now()
  const visit = async (index: number, due: number) => {
    try {
      await act(index)
    } catch {
      failed++
    }
    latency.record(performance.now() - started - due)
  }
  const visits: Promise<void>[] = []
  for (let index = 0; index < arrivals; index++) {
    dueMs += (-Math.log(1 - random()) * 1_000) / perSecond
    await waitUntil(started + dueMs, signal)
    visits.push(visit(index, dueMs))
  }
  await Promise.all(visits)
  const seconds = (performance.now() - started) / 1_000
  return {
    arrivals,
    failed,
    seconds: round(seconds),
    p50_ms: round(latency.percentileMs(0.5)),
    p95_ms: round(latency.percentileMs(0.95)),
    p99_ms: round(latency.percentileMs(0.99)),
  }
}

async function waitUntil(instant: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const ms = instant - performance.now()
  if (ms > 1) await new Promise((resolve) => setTimeout(resolve, ms))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
