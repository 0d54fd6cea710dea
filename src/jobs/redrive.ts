import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from '../core/index.js'
import { readHead, redriveSucceeded } from './results-store.js'
import { redrive, type DeadQuery } from './store.js'
import type { DeadFilter, RedriveFilter } from './types.js'

/** Slices of a second: what is slow enough to be asked for is not to come in one burst a second. */
const SLICES = 4
const DEFAULT_LIMIT = 1_000

/** `limit` Infinity: all. */
export function toQuery({ name, ids, contains, after = '0', limit }: DeadFilter, most: number): DeadQuery {
  const json = contains === undefined ? null : JSON.stringify(contains)
  return {
    name: name ?? null,
    ids: ids ?? null,
    contains: json,
    after,
    limit: limit === Infinity ? null : (limit ?? most),
  }
}

/** Sends again what the filter finds, oldest first; `onSent` hears the lanes after each statement. Gives how many. */
export async function redriveRuns(
  db: Db,
  filter: RedriveFilter,
  onSent: (lanes: readonly number[]) => void,
): Promise<number> {
  const query = toQuery(filter, DEFAULT_LIMIT)
  const send = filter.from === 'succeeded' ? redriveSucceeded : redrive
  if (filter.perSecond !== undefined) return await redriveSlowly(db, query, filter, send, onSent)
  filter.signal?.throwIfAborted()
  const { amount, lanes } = await send(db, query)
  if (amount > 0) onSent(lanes)
  return amount
}

/** In small steps, each after the one before it: `limit` counts those looked at, as it does in one statement. */
async function redriveSlowly(
  db: Db,
  query: DeadQuery,
  { perSecond = 1, signal }: RedriveFilter,
  send: typeof redriveSucceeded,
  onSent: (lanes: readonly number[]) => void,
): Promise<number> {
  const step = Math.max(1, Math.floor(perSecond / SLICES))
  // What is sent again succeeds while this goes on, and fits the filter as well: it would never end.
  const until = await readHead(db)
  let [sent, left, after] = [0, query.limit ?? Infinity, query.after]
  while (left > 0) {
    const startedAt = performance.now()
    const limit = Math.min(step, left)
    const { amount, lanes, last } = await send(db, { ...query, after, limit, until })
    if (amount > 0) onSent(lanes)
    sent += amount
    left -= limit
    if (last === null || left <= 0) break
    after = last
    const pauseMs = Math.max(0, startedAt + (step / perSecond) * 1_000 - performance.now())
    await delay(pauseMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
  }
  return sent
}
