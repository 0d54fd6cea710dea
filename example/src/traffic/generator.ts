import { setTimeout as delay } from 'node:timers/promises'
import type { Recorder, Result } from './recorder.js'
import type { Arrival } from './schedule.js'

export interface GeneratorOptions {
  arrivals: Iterable<Arrival>
  act: (arrival: Arrival) => Promise<Result>
  recorder: Recorder
  /** An arrival that is due while this many requests are open is dropped and counted. Default: 256. */
  maxOpen?: number
  /** Ends the run early; requests already sent are waited for. */
  signal?: AbortSignal
}

/**
 * Sends each arrival at its time, whatever became of those before it (open loop), and measures from that time. Resolves
 * when the schedule is done and every request has ended.
 */
export async function generateTraffic(options: GeneratorOptions): Promise<void> {
  const { arrivals, act, recorder, maxOpen = 256, signal } = options
  const startedAt = performance.now()
  const open = new Set<Promise<void>>()

  async function send(arrival: Arrival, dueAt: number): Promise<void> {
    recorder.send(performance.now() - dueAt)
    const result = await act(arrival).catch((): Result => 'failed')
    recorder.finish(arrival.kind, result, performance.now() - dueAt)
  }

  for (const arrival of arrivals) {
    const dueAt = startedAt + arrival.atMs
    await sleepUntil(dueAt, signal)
    if (signal?.aborted) break
    if (open.size >= maxOpen) {
      recorder.drop()
      continue
    }
    const sent: Promise<void> = send(arrival, dueAt).finally(() => open.delete(sent))
    open.add(sent)
  }
  await Promise.all(open)
}

async function sleepUntil(at: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = at - performance.now()
  // Late already: go on at once, so that a pause of this process lowers no rate but shows as latency.
  if (ms > 0) await delay(ms, undefined, signal && { signal }).catch(() => undefined)
}
