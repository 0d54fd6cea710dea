// All SQL of holds that is not a function (migrations/0010).

import type { Queryable } from '../core/index.js'
import type { Stock, Units } from './types.js'

/** What the database knows of a source. */
export async function register(db: Queryable, from: Stock | Units): Promise<number> {
  const text = '/* holdfast:holds.register */ select holdfast.holds_register($1, $2, $3, $4, $5, $6, $7) as id'
  const { rows } = await db.query<{ id: number }>(text, [from.name, from.kind, ...describeTable(from)])
  return (rows[0] as { id: number }).id
}

function describeTable(from: Stock | Units): (string | null)[] {
  if (from.kind === 'stock') {
    const { table, resource, free } = from.table ?? {
      table: 'holdfast.holds_stock',
      resource: 'resource',
      free: 'free',
    }
    return [table, resource, free, null, null]
  }
  const own = { table: 'holdfast.holds_units', resource: 'resource', unit: 'unit', hold: 'hold_id' }
  const { table, resource, unit, hold } = from.table ?? own
  return [table, resource, null, unit, hold]
}

export type State = 'new' | 'again' | 'reused' | 'short' | 'taken' | 'unknown' | 'retry' | 'twin'

export interface TakenRow {
  n: number
  state: State
  id: string | null
  expires_at: Date | null
  free: string | null
  units?: string[] | null
}

export interface Want {
  quantity: number
  /** Named units; null: any. */
  units: readonly string[] | null
  ttlMs: number
  key: string | null
  owner: string | null
}

export async function takeStock(
  db: Queryable,
  source: number,
  resource: string,
  wants: readonly Want[],
  isPrepared: boolean,
): Promise<TakenRow[]> {
  const text = '/* holdfast:holds.take-stock */ select * from holdfast.holds_take_stock($1, $2, $3, $4, $5, $6)'
  const columns = [
    wants.map(({ quantity }) => quantity),
    wants.map(({ ttlMs }) => ttlMs),
    wants.map(({ key }) => key),
    wants.map(({ owner }) => owner),
  ]
  const values = [source, resource, ...columns]
  const options = isPrepared ? { name: 'holdfast_holds_take_stock' } : {}
  const { rows } = await db.query<TakenRow & { ids: string | null }>(text, values, options)
  const [first] = rows
  return first?.ids == null ? rows : unfold(first, first.ids.split(','), wants)
}

/** One row that stands for all. */
function unfold({ free, expires_at: now }: TakenRow, ids: readonly string[], wants: readonly Want[]): TakenRow[] {
  const begunAt = (now as Date).getTime()
  return wants.map(({ ttlMs }, place) => ({
    n: place + 1,
    state: 'new',
    id: ids[place] as string,
    expires_at: new Date(begunAt + ttlMs),
    free,
  }))
}

export async function takeUnits(
  db: Queryable,
  source: number,
  resource: string,
  wants: readonly Want[],
): Promise<TakenRow[]> {
  const text = '/* holdfast:holds.take-units */ select * from holdfast.holds_take_units($1, $2, $3)'
  const list = wants.map(({ quantity, units, ttlMs, key, owner }) => ({
    ...(units === null ? { any: quantity } : { units }),
    ttl: ttlMs,
    key,
    owner,
  }))
  return (await db.query<TakenRow>(text, [source, resource, JSON.stringify(list)])).rows
}

export interface ConfirmedRow {
  id: string
  source: number
  resource: string
  quantity: number
  units: string[] | null
  was_confirmed: boolean
}

export async function confirm(tx: Queryable, ids: readonly string[], owner: string | null): Promise<ConfirmedRow[]> {
  const text = '/* holdfast:holds.confirm */ select * from holdfast.holds_confirm($1, $2)'
  return (await tx.query<ConfirmedRow>(text, [ids, owner])).rows
}

export interface ExtendedRow extends Omit<ConfirmedRow, 'was_confirmed'> {
  is_confirmed: boolean
  expires_at: Date
}

export async function extend(
  db: Queryable,
  ids: readonly string[],
  owner: string | null,
  ttlMs: number,
): Promise<ExtendedRow[]> {
  const text = '/* holdfast:holds.extend */ select * from holdfast.holds_extend($1, $2, $3)'
  return (await db.query<ExtendedRow>(text, [ids, owner, ttlMs])).rows
}

export async function release(
  db: Queryable,
  ids: readonly string[],
  owner: string | null,
  withConfirmed: boolean,
): Promise<number> {
  const text = '/* holdfast:holds.release */ select holdfast.holds_release($1, $2, $3) as done'
  return ((await db.query<{ done: number }>(text, [ids, owner, withConfirmed])).rows[0] as { done: number }).done
}

/** What is taken stays taken; false: more than the new total is. */
export async function setTotal(tx: Queryable, resource: string, total: number): Promise<boolean> {
  const text = `/* holdfast:holds.set-total */
    insert into holdfast.holds_stock as s (resource, total, free) values ($1, $2, $2)
    on conflict (resource) do update set total = excluded.total, free = s.free + excluded.total - s.total
      where s.free + excluded.total - s.total >= 0`
  return (await tx.query(text, [resource, total])).rowCount === 1
}

export async function addUnits(tx: Queryable, resource: string, names: readonly string[]): Promise<number> {
  const text = `/* holdfast:holds.add-units */
    insert into holdfast.holds_units (resource, unit) select $1, u from unnest($2::text[]) u order by u on conflict do nothing`
  return (await tx.query(text, [resource, names])).rowCount ?? 0
}

/** What is held is few beside what was sold: the index has only those. Undefined: no such resource. */
export async function readTotals(
  db: Queryable,
  source: number,
  resource: string,
): Promise<{ free: string; held: string } | undefined> {
  const text = '/* holdfast:holds.totals */ select free, held from holdfast.holds_totals($1, $2)'
  const row = (await db.query<{ free: string | null; held: string }>(text, [source, resource])).rows[0]
  return row?.free == null ? undefined : { free: row.free, held: row.held }
}

export async function sweep(db: Queryable, most: number): Promise<number> {
  const text = '/* holdfast:holds.sweep */ select holdfast.holds_sweep($1) as done'
  return ((await db.query<{ done: number }>(text, [most])).rows[0] as { done: number }).done
}
