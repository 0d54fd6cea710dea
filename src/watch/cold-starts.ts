import { Histogram } from '../core/index.js'
import type { ColdStarts } from './inspect-types.js'
import { divide, type ColdRow, type Sum } from './sums.js'

/**
 * How many of a route's slow requests can have been first ones of a process. Each is an upper bound, so that what is left
 * is slow for certain on instances that are warm.
 */
export function judgeCold({ durations, cold, coldMs, coldRows }: Sum, p95Before: number | undefined): ColdStarts {
  const limitMs = p95Before ?? durations.percentileMs(0.95)
  const slow = countSlower(durations, limitMs)
  const slowCold = coldRows.reduce((sum, row) => sum + countMostCold(row, limitMs), 0)
  const atLeast = leaveOutSlowest(durations, slowCold)
  return {
    requests: cold,
    meanMs: divide(coldMs, cold),
    slow,
    slowCold,
    // First ones that are not slow lie below it only if it is slow itself; else all of them may have been the slowest.
    p95Without: atLeast > limitMs ? atLeast : leaveOutSlowest(durations, cold),
  }
}

/** P95 of all but so many; 0: nothing is left. */
function leaveOutSlowest(durations: Histogram, amount: number): number {
  const left = durations.count - amount
  return left <= 0 ? 0 : durations.percentileMs((0.95 * left) / durations.count)
}

/** Of a process in a minute or an hour: not more than were first, nor than were slow, nor than their time allows for. */
function countMostCold({ bins, total_ms: totalMs, cold, cold_ms: coldMs }: ColdRow, limitMs: number): number {
  const durations = new Histogram()
  durations.addEncoded(bins, totalMs)
  const fitting = limitMs === 0 ? Infinity : Math.floor(coldMs / limitMs)
  return Math.min(Number(cold), countSlower(durations, limitMs), fitting)
}

/** Beyond the bin of this duration: nothing is slower than itself. */
function countSlower(durations: Histogram, limitMs: number): number {
  const [upTo = 0] = durations.cumulative([limitMs])
  return durations.count - upTo
}
