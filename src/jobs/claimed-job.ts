import type { ClaimRow } from './store.js'
import { FIELD, RECORD } from './store.js'

/** A job in this worker's hands, as the claim brought it. */
export interface ClaimedJob {
  lane: number
  cid: number
  /** Its row. */
  id: number
  /** Which one of its claim, by id: neighbours may be ended by their first and last. */
  place: number
  /** What its handler sees; null: `id`, as it was never moved. */
  origin: string | null
  attempt: number
  crashes: number
  /** Milliseconds since the epoch. */
  sentAt: string
  /** It has a key or a unique key: its end concerns others. */
  frees: boolean
  body: string
}

/** The id under which it was sent. */
export function jobIdOf({ origin, id }: ClaimedJob): string {
  return origin ?? String(id)
}

/** One string for the whole batch: the driver parses a row, not a thousand. */
export function parseClaim({ lane, cid, ids, jobs }: ClaimRow): ClaimedJob[] {
  if (jobs === null || ids === null) return []
  const records = jobs.split(RECORD)
  const claimed: ClaimedJob[] = []
  for (const [lower, upper] of parseRanges(ids))
    for (let id = lower; id < upper; id++)
      claimed.push(parseRecord(lane, Number(cid), id, claimed.length, records[claimed.length] as string))
  return claimed
}

/** `{[1,4),[7,8)}`: the lower bound is in, the upper one is not. */
function parseRanges(ids: string): [number, number][] {
  const bounds = ids.match(/\d+/g) ?? []
  return Array.from({ length: bounds.length / 2 }, (_, n) => [Number(bounds[2 * n]), Number(bounds[2 * n + 1])])
}

function parseRecord(lane: number, cid: number, id: number, place: number, record: string): ClaimedJob {
  const end = record.indexOf(FIELD)
  const head = record.slice(0, end)
  const body = record.slice(end + 1)
  if (!head.includes(','))
    return { lane, cid, id, place, origin: null, attempt: 1, crashes: 0, sentAt: head, frees: false, body }
  const [sentAt = '', origin, attempt, crashes, frees] = head.split(',')
  return {
    lane,
    cid,
    id,
    place,
    origin: origin || null,
    attempt: Number(attempt),
    crashes: Number(crashes),
    sentAt,
    frees: frees === '1',
    body,
  }
}
