import type { Histogram, Logger } from '../core/index.js'
import type { Series, SeriesBook, Tally } from './series.js'
import { forget, write, type OutboundRow, type SeriesRow } from './store.js'
import type { WatchStorage } from './storage.js'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** A database that is away for longer loses the oldest: what is kept for it must not fill the memory. */
const MOST_PENDING_MINUTES = 60
const FORGET_EVERY_MS = 600_000
const MOST_FORGOTTEN = 5_000

export interface FlusherParts {
  db: WatchStorage
  logger: Logger
  book: SeriesBook
  /** Tells the rows of this process from those of others. */
  process: string
  flushMs: number
  keepMinutesMs: number
  keepHoursMs: number
  /** Runs before, whether anything can be written or not: what it finds is told to the log all the same. */
  judge?: () => void
  /** Written with it. */
  also?: readonly (() => Promise<void> | undefined)[]
  /** Default: this machine's clock. */
  now?: () => number
}

/** Writes what was seen, again and again: a minute's row until the minute is over, an hour's row until the hour is. */
export class Flusher {
  readonly #parts: FlusherParts
  readonly #timer: NodeJS.Timeout
  /** Of minutes that are over and not written yet. */
  #pending: SeriesRow[][] = []
  #minuteAt: number
  #forgotAt: number
  #running: Promise<void> | undefined
  #isFailing = false
  lostMinutes = 0

  constructor(parts: FlusherParts) {
    this.#parts = parts
    this.#forgotAt = this.#now
    this.#minuteAt = floor(this.#now, MINUTE_MS)
    this.#timer = setInterval(() => void this.#tick(), parts.flushMs).unref()
  }

  get #now(): number {
    return (this.#parts.now ?? Date.now)()
  }

  async #tick(): Promise<void> {
    if (this.#running) return
    // Tables that are not there yet are waited for, and what is seen meanwhile keeps its minute.
    if (this.#parts.db.schema !== 'ok') {
      this.#parts.judge?.()
      return this.#roll(this.#now)
    }
    try {
      await this.flush()
      await this.#forget()
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing)
        this.#parts.logger.warn({ err }, 'What was watched could not be written; it is tried again.')
      this.#isFailing = true
    }
  }

  /** One at a time: an older one that comes late would write over a newer one. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running.catch(() => undefined)
    this.#running = this.#flushOnce()
    try {
      await this.#running
    } finally {
      this.#running = undefined
    }
  }

  async #flushOnce(): Promise<void> {
    this.#parts.judge?.()
    this.#roll(this.#now)
    const dirty = [...this.#parts.book.all()].filter(({ minute, written }) => minute.calls !== written)
    const amounts = dirty.map(({ minute }) => minute.calls)
    await write(this.#parts.db, [...this.#pending.flat(), ...dirty.flatMap((series) => this.#toRows(series))])
    this.#pending = []
    for (const [place, series] of dirty.entries()) series.written = amounts[place] as number
    for (const flush of this.#parts.also ?? []) await flush()
  }

  /** The minute that is over is set aside, whether it can be written or not. */
  #roll(now: number): void {
    const minuteAt = floor(now, MINUTE_MS)
    if (minuteAt === this.#minuteAt) return
    const rows: SeriesRow[] = []
    const isNewHour = floor(now, HOUR_MS) !== floor(this.#minuteAt, HOUR_MS)
    for (const series of this.#parts.book.all()) {
      if (series.minute.calls !== series.written) rows.push(...this.#toRows(series))
      series.hour.add(series.minute)
      if (isNewHour) series.hour.reset()
      series.minute.reset()
      series.written = 0
    }
    this.#minuteAt = minuteAt
    if (rows.length > 0) this.#pending.push(rows)
    if (this.#pending.length <= MOST_PENDING_MINUTES) return
    this.#pending.shift()
    this.lostMinutes++
  }

  #toRows(series: Series): SeriesRow[] {
    const { minute, hour } = series
    const isFirst = hour.calls === 0
    const soFar = isFirst ? minute : sum(minute, hour)
    return [
      this.#toRow(series, 1, this.#minuteAt, minute),
      this.#toRow(series, 60, floor(this.#minuteAt, HOUR_MS), soFar),
    ]
  }

  #toRow(series: Series, minutes: 1 | 60, at: number, tally: Tally): SeriesRow {
    const { route, segment, statement } = series
    const {
      calls,
      errors,
      requests,
      mostCalls,
      rows,
      bytes,
      sqlMs,
      outboundMs,
      loopMs,
      cold,
      coldMs,
      durations,
      waits,
    } = tally
    return {
      minutes,
      began_at: new Date(at),
      process: this.#parts.process,
      route,
      segment,
      statement: statement.id,
      text: statement.text,
      calls,
      errors,
      requests,
      most_calls: mostCalls,
      rows,
      bytes,
      total_ms: durations.totalMs,
      bins: toHex(durations),
      wait_ms: waits?.totalMs ?? 0,
      wait_bins: waits ? toHex(waits) : '\\x',
      sql_ms: sqlMs,
      outbound_ms: outboundMs,
      loop_ms: loopMs,
      cold,
      cold_ms: coldMs,
      hosts: this.#toOutbound(series, minutes, at, tally),
    }
  }

  #toOutbound({ route, segment }: Series, minutes: 1 | 60, at: number, { hosts }: Tally): OutboundRow[] {
    const of = { minutes, began_at: new Date(at), process: this.#parts.process, route, segment }
    return [...hosts].map(([host, durations]) => ({
      ...of,
      host,
      calls: durations.count,
      total_ms: durations.totalMs,
      bins: toHex(durations),
    }))
  }

  async #forget(): Promise<void> {
    if (this.#now - this.#forgotAt < FORGET_EVERY_MS) return
    this.#forgotAt = this.#now
    const { db, keepMinutesMs, keepHoursMs } = this.#parts
    while ((await forget(db, keepMinutesMs, keepHoursMs, MOST_FORGOTTEN)) === MOST_FORGOTTEN);
  }

  /** Writes once more; a database that is away keeps nobody. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush().catch(() => undefined)
  }
}

const floor = (ms: number, to: number): number => Math.floor(ms / to) * to

function sum(minute: Tally, hour: Tally): Tally {
  const all = hour.copy()
  all.add(minute)
  return all
}

const toHex = (histogram: Histogram): string => `\\x${Buffer.from(histogram.encode()).toString('hex')}`
