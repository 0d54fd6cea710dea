// Who has a connection of a pool, since when, and how long the database worked for it meanwhile.

import type { RequestContext } from '../../core/early.js'
import type { SeenStatement } from '../observe-query.js'

interface Hold {
  request: RequestContext | undefined
  since: number
  sqlMs: number
}

/** Of holds outside of any request nobody's route is to blame. */
export type HoldSink = (request: RequestContext, heldMs: number, sqlMs: number) => void

const holds = new WeakMap<object, Hold>()
const sinks = new Set<HoldSink>()

export function hearHolds(sink: HoldSink): () => void {
  sinks.add(sink)
  return () => void sinks.delete(sink)
}

export function beginHold(client: object, request: RequestContext | undefined): void {
  if (sinks.size > 0) holds.set(client, { request, since: performance.now(), sqlMs: 0 })
}

export function noteHeldStatement(client: object, ms: number): void {
  const hold = holds.get(client)
  if (hold) hold.sqlMs += ms
}

export function endHold(client: object): void {
  const hold = holds.get(client)
  if (hold === undefined) return
  holds.delete(client)
  const { request, since, sqlMs } = hold
  if (request === undefined) return
  const heldMs = performance.now() - since
  // Statements of one flight lie over each other.
  for (const sink of sinks) sink(request, heldMs, Math.min(sqlMs, heldMs))
}

/** postgres.js tells of no checkout: a transaction is seen by its first and its last statement, which run on its session. */
export function followTransaction({ text = '', client, request, endedAt, ms }: SeenStatement): void {
  if (/^\s*begin\b/i.test(text)) {
    beginHold(client, request)
    const hold = holds.get(client)
    if (hold) hold.since = endedAt - ms
  } else if (/^\s*(commit|rollback)\s*(;|$)/i.test(text)) {
    noteHeldStatement(client, ms)
    endHold(client)
  }
}
