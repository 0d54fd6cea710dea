// All SQL of locks that is not a function (migrations/0011).

import type { Queryable } from '../core/index.js'

export interface RequestRecord {
  /** Sorted, none twice. */
  keys: readonly string[]
  shared: boolean
  ttl: number
  wait: boolean
  /** Ticket. */
  within: string | null
  label: string | null
}

export interface RequestRow {
  n: number
  /** Null: it is somebody else's, and it did not want to wait. */
  ticket: string | null
  /** Null: it waits. */
  fence: string | null
}

export async function addOwner(db: Queryable, name: string): Promise<string> {
  const text = '/* holdfast:locks.add-owner */ insert into holdfast.locks_owners (name) values ($1) returning id'
  return ((await db.query<{ id: string }>(text, [name])).rows[0] as { id: string }).id
}

export async function removeOwner(db: Queryable, owner: string): Promise<void> {
  const text = `/* holdfast:locks.remove-owner */
    delete from holdfast.locks_owners o where o.id = $1 and not exists (select from holdfast.locks_requests q where q.owner = o.id)`
  await db.query(text, [owner])
}

/** @throws SQLSTATE HF021 when the owner was declared dead */
export async function request(
  db: Queryable,
  owner: string,
  records: readonly RequestRecord[],
  flight: number,
  isPrepared: boolean,
): Promise<RequestRow[]> {
  const [first] = records
  if (first && records.length === 1 && first.keys.length === 1)
    return await requestOne(db, owner, first, flight, isPrepared)
  const text = '/* holdfast:locks.request */ select n, ticket, fence from holdfast.locks_request($1, $2, $3)'
  return (await db.query<RequestRow>(text, [owner, JSON.stringify(records), flight])).rows
}

async function requestOne(
  db: Queryable,
  owner: string,
  { keys, shared, ttl, wait, within, label }: RequestRecord,
  flight: number,
  isPrepared: boolean,
): Promise<RequestRow[]> {
  const text =
    '/* holdfast:locks.request-one */ select n, ticket, fence from holdfast.locks_request_one($1, $2, $3, $4, $5, $6, $7, $8)'
  const values = [owner, keys[0], shared, ttl, wait, within, label, flight]
  return (await db.query<RequestRow>(text, values, isPrepared ? { name: 'holdfast_locks_request' } : {})).rows
}

/** Gives those that stay: a guarded write of theirs is under way. */
export async function release(
  db: Queryable,
  owner: string,
  tickets: readonly string[],
  isPrepared: boolean,
): Promise<string[]> {
  if (tickets.length === 1) {
    const one = '/* holdfast:locks.release-one */ select holdfast.locks_release_one($1, $2) as stay'
    const options = isPrepared ? { name: 'holdfast_locks_release' } : {}
    return ((await db.query<{ stay: string[] }>(one, [owner, tickets[0]], options)).rows[0] as { stay: string[] }).stay
  }
  const text = '/* holdfast:locks.release */ select holdfast.locks_release($1, $2) as stay'
  return ((await db.query<{ stay: string[] }>(text, [owner, tickets])).rows[0] as { stay: string[] }).stay
}

export interface Heartbeat {
  /** Tickets. */
  held: readonly string[]
  waiting: readonly string[]
  /** What is not known of the flights up to this one is let go. */
  flight: number
  deadlineMs: number
}

/** Gives those of `held` that are gone. @throws SQLSTATE HF021 */
export async function beat(
  db: Queryable,
  owner: string,
  { held, waiting, flight, deadlineMs }: Heartbeat,
): Promise<string[]> {
  const text = '/* holdfast:locks.beat */ select holdfast.locks_beat($1, $2, $3, $4) as gone'
  const known = [...held, ...waiting]
  const { rows } = await db.query<{ gone: string[] }>(text, [owner, held, known, flight], { deadlineMs })
  return (rows[0] as { gone: string[] }).gone
}

export interface LookRow {
  ticket: string
  fence: string | null
  is_gone: boolean
}

export async function look(db: Queryable, owner: string, tickets: readonly string[]): Promise<LookRow[]> {
  const text = '/* holdfast:locks.look */ select ticket, fence, is_gone from holdfast.locks_look($1, $2)'
  return (await db.query<LookRow>(text, [owner, tickets])).rows
}

/** @throws SQLSTATE HF022 when it is not held with this fence */
export async function guard(tx: Queryable, ticket: string, fence: bigint): Promise<void> {
  await tx.query('/* holdfast:locks.guard */ select holdfast.locks_guard($1, $2)', [ticket, fence.toString()])
}

export interface MarkRecord {
  keys: readonly string[]
  shared: boolean
}

/** A fence for each, above all before it; waits for guarded writes under those. Of locks whose queues are elsewhere. */
export async function mark(db: Queryable, records: readonly MarkRecord[]): Promise<string[]> {
  const text = `/* holdfast:locks.mark */
    select holdfast.locks_mark(array(select json_array_elements_text(r.value -> 'keys')), (r.value ->> 'shared')::boolean) as fence
      from json_array_elements($1) with ordinality r order by r.ordinality`
  return (await db.query<{ fence: string }>(text, [JSON.stringify(records)])).rows.map(({ fence }) => fence)
}

/** @throws SQLSTATE HF022 when somebody else has drawn a fence since */
export async function guardMark(tx: Queryable, keys: readonly string[], fence: bigint, shared: boolean): Promise<void> {
  const text = '/* holdfast:locks.guard-mark */ select holdfast.locks_guard_mark($1, $2, $3)'
  await tx.query(text, [keys, fence.toString(), shared])
}

export async function findCircle(db: Queryable, ticket: string): Promise<string[] | null> {
  const text = '/* holdfast:locks.find-circle */ select holdfast.locks_find_circle($1) as tickets'
  return ((await db.query<{ tickets: string[] | null }>(text, [ticket])).rows[0] as { tickets: string[] | null })
    .tickets
}

export async function takeShort(tx: Queryable, key: string, ttlMs: number, waitMs: number): Promise<void> {
  await tx.query('/* holdfast:locks.short */ select holdfast.locks_short($1, $2, $3)', [key, ttlMs, waitMs])
}

export async function sweep(db: Queryable, most: number): Promise<void> {
  await db.query('/* holdfast:locks.sweep */ select holdfast.locks_sweep($1)', [most])
}

export interface OverviewRow {
  key: string
  state: 'held' | 'waiting'
  mode: 'exclusive' | 'shared'
  fence: string | null
  owner: string | null
  label: string | null
  asked_at: Date
  held_at: Date | null
  lease_ends_at: Date | null
}

export async function listAll(db: Queryable, key: string | null, most: number): Promise<OverviewRow[]> {
  const text = `/* holdfast:locks.list */
    select key, state, mode, fence, owner, label, asked_at, held_at, lease_ends_at from holdfast.locks_overview
     where $1::text is null or key = $1 order by key, ticket limit $2`
  return (await db.query<OverviewRow>(text, [key, most])).rows
}
