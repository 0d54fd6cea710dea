import { Histogram, readSqlstate, validateOptions, type Db } from '../core/index.js'
import { watchError } from './errors.js'
import type { Spread, WatchFilter } from './inspect-types.js'
import { watchFilterTable } from './options.js'
import { readSeries, type ReadRow, type Window } from './store.js'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** From here on whole hours are read: sixty times fewer rows, which the event loop of who asks has to add up. */
const BY_HOURS_MS = HOUR_MS

/** What one series came to, in all processes, over a window. */
export interface Sum {
  route: string
  segment: string
  statement: string
  text: string
  calls: number
  errors: number
  requests: number
  mostCalls: number
  rows: number
  bytes: number
  sqlMs: number
  outboundMs: number
  loopMs: number
  cold: number
  coldMs: number
  /** Those with first requests of a process: how many of them were slow is told row by row. */
  coldRows: ColdRow[]
  durations: Histogram
  waits: Histogram
}

export type ColdRow = Pick<ReadRow, 'cold' | 'cold_ms' | 'bins' | 'total_ms'>

/** Of the window, and of the one that it is compared with. */
export async function readBoth(
  db: Pick<Db, 'query'>,
  isOfRoutes: boolean,
  filter: WatchFilter,
): Promise<{ now: Sum[]; earlierSums: Map<string, Sum> }> {
  validateOptions('watch.inspect', filter, watchFilterTable)
  const { route, segment } = filter
  const { window, before } = toWindows(filter)
  const what = { isOfRoutes, route, segment }
  const [now, earlierSums] = await Promise.all([readSums(db, window, what), readSums(db, before, what)])
  return { now: [...now.values()], earlierSums }
}

/** Those that took most of the time. */
export function pickLongest(sums: readonly Sum[], { limit = 50 }: WatchFilter): Sum[] {
  return sums.toSorted((a, b) => b.durations.totalMs - a.durations.totalMs).slice(0, limit)
}

export function toWindow({ until = new Date(), windowMs = HOUR_MS }: WatchFilter): Window {
  const window = { minutes: 1 as const, from: new Date(until.getTime() - windowMs), until }
  if (windowMs >= BY_HOURS_MS) return toHours(window)
  return { ...window, from: floor(window.from, MINUTE_MS) }
}

/** The window, and the one that it is compared with. */
export function toWindows(filter: WatchFilter): { window: Window; before: Window } {
  const { compareMs = DAY_MS } = filter
  const window = toWindow(filter)
  const earlier = { ...window, from: shift(window.from, compareMs), until: shift(window.until, compareMs) }
  // Minutes of yesterday may be gone; its hours are there.
  return { window, before: compareMs >= DAY_MS ? toHours(earlier) : earlier }
}

const toHours = ({ from, until }: Window): Window => ({ minutes: 60, from: floor(from, HOUR_MS), until })

async function readSums(
  db: Pick<Db, 'query'>,
  window: Window,
  what: Parameters<typeof readSeries>[2],
): Promise<Map<string, Sum>> {
  const sums = new Map<string, Sum>()
  for (const row of await guardTables(async () => await readSeries(db, window, what))) {
    const sum = sums.get(keyOf(row)) ?? emptySum(row)
    addRow(sum, row)
    sums.set(keyOf(row), sum)
  }
  return sums
}

/** @throws HF_WATCH_NOT_INSTALLED where the tables are missing, or not to be read */
export async function guardTables<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    // No such table, no such schema, not allowed.
    if (!['42P01', '3F000', '42501'].includes(readSqlstate(error) ?? '')) throw error
    const message = 'The tables of watch are not there, or not to be read by this role.'
    throw watchError('HF_WATCH_NOT_INSTALLED', message, { cause: error })
  }
}

export function emptySum({
  route,
  segment,
  statement,
  text,
}: Pick<Sum, 'route' | 'segment' | 'statement'> & { text: string | null }): Sum {
  const zeros = { calls: 0, errors: 0, requests: 0, mostCalls: 0, rows: 0, bytes: 0 }
  const times = { sqlMs: 0, outboundMs: 0, loopMs: 0, cold: 0, coldMs: 0 }
  const name = text ?? '(a statement that has been forgotten)'
  const histograms = { durations: new Histogram(), waits: new Histogram() }
  return { route, segment, statement, text: name, ...zeros, ...times, coldRows: [], ...histograms }
}

/** Histograms are added bin by bin: percentiles of several processes are those of all that they saw. */
export function addRow(sum: Sum, row: ReadRow): void {
  sum.calls += Number(row.calls)
  sum.errors += Number(row.errors)
  sum.requests += Number(row.requests)
  sum.mostCalls = Math.max(sum.mostCalls, row.most_calls)
  sum.rows += Number(row.rows)
  sum.bytes += Number(row.bytes)
  sum.sqlMs += row.sql_ms
  sum.outboundMs += row.outbound_ms
  sum.loopMs += row.loop_ms
  sum.cold += Number(row.cold)
  sum.coldMs += row.cold_ms
  if (Number(row.cold) > 0) sum.coldRows.push(row)
  sum.durations.addEncoded(row.bins, row.total_ms)
  sum.waits.addEncoded(row.wait_bins, row.wait_ms)
}

interface BinsRow {
  bins: Buffer
  total_ms: number
}

export function sumBy<Row extends BinsRow, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Histogram> {
  const sums = new Map<Key, Histogram>()
  for (const row of rows) {
    const sum = sums.get(keyOf(row)) ?? new Histogram()
    sum.addEncoded(row.bins, row.total_ms)
    sums.set(keyOf(row), sum)
  }
  return sums
}

export const keyOf = ({ route, segment, statement }: Pick<ReadRow, 'route' | 'segment' | 'statement'>): string =>
  JSON.stringify([route, segment, statement])

export function spread(histogram: Histogram): Spread {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => histogram.percentileMs(share)) as [number, number, number]
  return { p50, p95, p99 }
}

export const spreadOf = (sum: Sum | undefined): Spread | null => (sum ? spread(sum.durations) : null)

export const divide = (a: number, b: number): number => (b === 0 ? 0 : a / b)
const shift = (date: Date, ms: number): Date => new Date(date.getTime() - ms)
const floor = (date: Date, ms: number): Date => new Date(Math.floor(date.getTime() / ms) * ms)
