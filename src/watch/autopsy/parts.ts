import { Histogram } from '../../core/index.js'
import { groupBy } from '../group.js'
import { gather, type Moment } from './onset.js'
import type { MomentRow } from './store.js'

/** What requests of a route came to before the onset, or after. */
export interface Part {
  /** From its first window to its last one. @unit minutes */
  minutes: number
  requests: number
  errors: number
  sqlMs: number
  outboundMs: number
  loopMs: number
  cold: number
  coldMs: number
  durations: Histogram
  waits: Histogram
  processes: Map<string, Histogram>
}

export function sumRows(rows: readonly MomentRow[], windowMinutes: number): Part {
  const part: Part = {
    minutes: new Set(rows.map(({ began_at: at }) => at.getTime())).size * windowMinutes,
    requests: 0,
    errors: 0,
    sqlMs: 0,
    outboundMs: 0,
    loopMs: 0,
    cold: 0,
    coldMs: 0,
    durations: new Histogram(),
    waits: new Histogram(),
    processes: new Map(),
  }
  for (const row of rows) addRow(part, row)
  return part
}

function addRow(part: Part, row: MomentRow): void {
  part.requests += Number(row.calls)
  part.errors += Number(row.errors)
  part.sqlMs += row.sql_ms
  part.outboundMs += row.outbound_ms
  part.loopMs += row.loop_ms
  part.cold += Number(row.cold)
  part.coldMs += row.cold_ms
  part.durations.addEncoded(row.bins, row.total_ms)
  part.waits.addEncoded(row.wait_bins, row.wait_ms)
  const own = part.processes.get(row.process) ?? new Histogram()
  own.addEncoded(row.bins, row.total_ms)
  part.processes.set(row.process, own)
}

/** One for each window that had requests, in their order. */
export function toMoments(rows: readonly MomentRow[]): Moment[] {
  const byTime = groupBy(rows, ({ began_at: at }) => at.getTime())
  const all = [...byTime].toSorted(([a], [b]) => a - b).map(([at, own]) => toMoment(at, own))
  return gather(all, (moments) => {
    const [first] = moments as [Moment]
    return toMoment(
      first.at,
      moments.flatMap(({ at }) => byTime.get(at) ?? []),
    )
  })
}

function toMoment(at: number, rows: readonly MomentRow[]): Moment {
  const durations = new Histogram()
  for (const { bins, total_ms: totalMs } of rows) durations.addEncoded(bins, totalMs)
  return { at, requests: durations.count, p95: durations.percentileMs(0.95) }
}

/** Of a statement of the route. */
export interface StatementHalves {
  id: string
  text: string
  before: StatementPart
  after: StatementPart
}

export interface StatementPart {
  calls: number
  errors: number
  requests: number
  rows: number
  bytes: number
  totalMs: number
}

export const noCalls: StatementPart = { calls: 0, errors: 0, requests: 0, rows: 0, bytes: 0, totalMs: 0 }
