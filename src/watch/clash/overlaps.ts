import type { RequestContext } from '../../core/early.js'
import type { Link } from './links.js'
import { tablesOf } from './shape.js'
import { resolveValue } from './trace.js'
import { hashValue } from './values.js'

interface Interval {
  /** Links of one request do not meet each other. */
  requestId: string
  route: string
  from: number
  until: number
}

/** Two requests that were under way with the same row at the same time. @unit ms after the first of them had read */
export interface RealOverlap {
  first: { route: string; readAt: number; wroteAt: number }
  second: { route: string; readAt: number; wroteAt: number }
}

const MOST_KEYS = 2_000
const MOST_INTERVALS = 8
const MOST_MET = 5_000

/** How often two requests were between reading a row, and writing because of it, at the same time. */
export class Overlaps {
  readonly #byKey = new Map<string, Interval[]>()
  readonly #last = new Map<string, RealOverlap>()
  readonly #counts = new Map<string, number>()
  /** Two requests meet once at a table, however many statements of them do. */
  readonly #met = new Set<string>()

  note({ route, requestId }: Pick<RequestContext, 'route' | 'requestId'>, link: Link): void {
    const key = nameKey(link)
    if (key === undefined) return
    const own = { requestId, route, from: link.read.startedAt, until: link.write.endedAt }
    const intervals = this.#byKey.get(key) ?? []
    this.#byKey.delete(key)
    this.#byKey.set(key, intervals)
    for (const other of intervals)
      if (other.requestId !== requestId && other.from < own.until && own.from < other.until)
        for (const table of tablesOf(link.read)) this.#count(own, other, table)
    if (!intervals.some((each) => each.requestId === requestId)) intervals.push(own)
    if (intervals.length > MOST_INTERVALS) intervals.shift()
    if (this.#byKey.size > MOST_KEYS) this.#byKey.delete(this.#byKey.keys().next().value as string)
  }

  #count(own: Interval, other: Interval, table: string): void {
    const pair = [own.requestId, other.requestId].toSorted().join(' ')
    if (this.#met.has(`${table} ${pair}`)) return
    if (this.#met.size >= MOST_MET) this.#met.clear()
    this.#met.add(`${table} ${pair}`)
    const start = Math.min(own.from, other.from)
    const toTimes = ({ route, from, until }: Interval) => ({ route, readAt: from - start, wroteAt: until - start })
    const [first, second] = own.from < other.from ? [own, other] : [other, own]
    const real = { first: toTimes(first), second: toTimes(second) }
    for (const key of new Set([nameCount(own.route, other.route, table), nameCount(other.route, own.route, table)])) {
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
      this.#last.set(key, real)
    }
  }

  last(one: string, other: string, table: string): RealOverlap | undefined {
    return this.#last.get(nameCount(one, other, table))
  }

  count(one: string, other: string, table: string): number {
    return this.#counts.get(nameCount(one, other, table)) ?? 0
  }
}

const nameCount = (one: string, other: string, table: string): string => `${one}\n${other}\n${table}`

/** Of the table and the values that the read asked for: as a hash, in this process alone. */
function nameKey({ read }: Link): string | undefined {
  const { part } = read
  if (part.kind === 'lock' || part.kind === 'insert') return undefined
  const asked = part.conditions.flatMap((condition) =>
    condition.op === '=' && condition.value?.kind === 'parameter' ? resolveValue(condition.value, read) : [],
  )
  return asked.length === 0
    ? undefined
    : hashValue(JSON.stringify([part.kind === 'read' ? part.tables : part.table, asked]))
}
