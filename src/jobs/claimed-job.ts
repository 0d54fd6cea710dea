import type { ClaimRow } from './store.js'
import { FIELD, RECORD } from './store.js'

/** A job in this worker's hands, as the claim brought it. */
export interface ClaimedJob {
  lane: number
  cid: number
  /** Its row. */
  id: number
  /** What its handler sees; another one than `id` when it was moved. */
  jobId: string
  attempt: number
  crashes: number
  sentAtMs: number
  /** It has a key or a unique key: its end concerns others. */
  frees: boolean
  body: string
}

/** One string for the whole batch: the driver parses a row, not a thousand. */
export function parseClaim({ lane, cid, jobs }: ClaimRow): ClaimedJob[] {
  if (jobs === null) return []
  return jobs.split(RECORD).map((record) => parseRecord(lane, Number(cid), record))
}

function parseRecord(lane: number, cid: number, record: string): ClaimedJob {
  const end = record.indexOf(FIELD)
  const body = record.slice(end + 1)
  const [id = '', origin = '', attempt = '', crashes = '', sentAtMs = '', extra = ''] = record.slice(0, end).split(',')
  return {
    lane,
    cid,
    id: Number(id),
    jobId: origin === '' ? id : origin,
    attempt: Number(attempt),
    crashes: Number(crashes),
    sentAtMs: Number(sentAtMs),
    frees: extra !== '',
    body,
  }
}
