import { Histogram } from './histogram.js'
import type { RouteStats } from './types.js'

/** More routes than this are a sign of paths used as routes; the rest is counted together. */
const MAX_ROUTES = 500
export const OVERFLOW_ROUTE = '(overflow)'

interface Entry {
  count: number
  errors: number
  latency: Histogram
}

/** Latency and errors by route, bounded. */
export class RouteBook {
  readonly #entries = new Map<string, Entry>()

  record(route: string, ms: number, failed: boolean): void {
    const entry = this.#entries.get(route) ?? this.#open(route)
    entry.count++
    if (failed) entry.errors++
    entry.latency.record(ms)
  }

  #open(route: string): Entry {
    if (this.#entries.size >= MAX_ROUTES && route !== OVERFLOW_ROUTE) {
      return this.#entries.get(OVERFLOW_ROUTE) ?? this.#open(OVERFLOW_ROUTE)
    }
    const entry = { count: 0, errors: 0, latency: new Histogram() }
    this.#entries.set(route, entry)
    return entry
  }

  snapshot(): Map<string, RouteStats> {
    return new Map(
      [...this.#entries].map(([route, { count, errors, latency }]) => [
        route,
        { count, errors, latency: latency.snapshot() },
      ]),
    )
  }
}
