import type { LatencyRouteRow } from '../../src/http/contract'
import { formatCount, formatMs, joinFigure } from './format'

/** The same measure as the verdict's. */
export function isSlower({ requests, latency, before }: LatencyRouteRow, p95 = latency.p95): boolean {
  return before !== null && requests >= 20 && p95 >= before.p95 * 1.5 && p95 >= before.p95 + 20
}

/** All but the first requests of a process may be as fast as they were. */
export function isColdAlone(row: LatencyRouteRow): boolean {
  return isSlower(row) && row.cold.slowCold > 0 && !isSlower(row, row.cold.p95Without)
}

/** Where a route is slower or opened, or where most of what is slow can have been first requests of a process. */
export function ColdNote({ row, isOpen }: { row: LatencyRouteRow; isOpen: boolean }) {
  const { slow, slowCold } = row.cold
  const isMostlyCold = row.requests >= 20 && slowCold > 0 && slowCold >= slow / 2
  if (slow === 0 || !(isOpen || isMostlyCold || isSlower(row))) return null
  return <p class="note under">{describeCold(row)}</p>
}

function describeCold(row: LatencyRouteRow): string {
  const { latency, before, cold } = row
  const limit = joinFigure(formatMs((before ?? latency).p95))
  const than = `${joinFigure(formatCount(cold.slow))} slower than ${limit}`
  if (cold.slowCold === 0)
    return `Of ${than} none was a first request of a process${isSlower(row) ? ': warm ones are slow' : ''}.`
  const first = `${joinFigure(formatCount(cold.requests))} first requests took ${joinFigure(formatMs(cold.meanMs))} on average`
  const others = cold.p95Without === 0 ? '' : `; P95 of all others is ${joinFigure(formatMs(cold.p95Without))} or more`
  return `Of ${than} at most ${joinFigure(formatCount(cold.slowCold))} were first requests of a process. ${first}${others}.`
}
