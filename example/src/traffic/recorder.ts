import { actionKinds, type ActionKind } from './schedule.js'

/** `refused`: a 4xx that the domain is meant to give, such as sold out. `failed`: 5xx, no answer, or too late. */
export type Result = 'ok' | 'refused' | 'failed'

export interface Latency {
  count: number
  p50: number
  p95: number
  p99: number
  max: number
}

export interface Summary {
  /** Arrivals that were due; sent + dropped. */
  offered: number
  sent: number
  /** Due while too many requests were open; not sent, and not hidden. */
  dropped: number
  ok: number
  refused: number
  failed: number
  /** From the intended time of sending to the end of the answer. @unit ms */
  latencyMs: Latency
  /** How late this process itself sent: large values mean that it, not the server, is the bottleneck. @unit ms */
  sendDelayMs: Latency
  kinds: Record<ActionKind, Latency>
}

/** Collects outcomes. `take` gives what came since the last `take`, so that an endless run holds little. */
export class Recorder {
  #latencies = emptyLists()
  #sendDelays: number[] = []
  #counts = emptyCounts()

  drop(): void {
    this.#counts.dropped++
  }

  send(delayMs: number): void {
    this.#counts.sent++
    this.#sendDelays.push(delayMs)
  }

  finish(kind: ActionKind, result: Result, latencyMs: number): void {
    this.#counts[result]++
    this.#latencies[kind].push(latencyMs)
  }

  take(): Summary {
    const counts = this.#counts
    const summary: Summary = {
      offered: counts.sent + counts.dropped,
      ...counts,
      latencyMs: describe(actionKinds.flatMap((kind) => this.#latencies[kind])),
      sendDelayMs: describe(this.#sendDelays),
      kinds: mapKinds((kind) => describe(this.#latencies[kind])),
    }
    this.#latencies = emptyLists()
    this.#sendDelays = []
    this.#counts = emptyCounts()
    return summary
  }
}

function describe(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}

function emptyCounts() {
  return { sent: 0, dropped: 0, ok: 0, refused: 0, failed: 0 }
}

function emptyLists(): Record<ActionKind, number[]> {
  return mapKinds(() => [])
}

function mapKinds<Value>(make: (kind: ActionKind) => Value): Record<ActionKind, Value> {
  return Object.fromEntries(actionKinds.map((kind) => [kind, make(kind)])) as Record<ActionKind, Value>
}
