import type { Queryable, Tx } from 'holdfast'
import { sql } from 'kysely'
import { qb, run, runOne } from '../../database/query-builder.js'
import type { HistoryQuery, ImportPlan, ImportRow, PastOrderRow } from './model.js'

/** The newest first, and one row more than asked for. */
export function listPastOrders(
  on: Queryable,
  customerId: string,
  { after, limit }: HistoryQuery,
): Promise<PastOrderRow[]> {
  const query = qb
    .selectFrom('past_orders')
    .select(['id', 'title', 'places', 'total_cents', 'currency', 'ordered_at'])
    .where('customer_id', '=', customerId)
    .orderBy('ordered_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (!after) return run(on, query)
  const before = query.where((eb) =>
    eb(eb.refTuple('ordered_at', 'id'), '<', eb.tuple(sql<Date>`${after[0]}::timestamptz`, after[1])),
  )
  return run(on, before)
}

export async function findPeriod(on: Queryable): Promise<{ from: Date | null; to: Date | null }> {
  const query = qb
    .selectFrom('past_orders')
    .select((eb) => [eb.fn.min<Date | null>('ordered_at').as('from'), eb.fn.max<Date | null>('ordered_at').as('to')])
  return (await runOne(on, query)) ?? { from: null, to: null }
}

const importQuery = qb.selectFrom('history_imports').select(['regulars', 'target', 'imported'])

export function findImport(on: Queryable): Promise<ImportRow | undefined> {
  return runOne(on, importQuery)
}

/** Of two processes that import at once, each batch is of one. */
export function lockImport(tx: Tx): Promise<ImportRow | undefined> {
  return runOne(tx, importQuery.forUpdate())
}

/** Who ordered last, by a checkout: the seed's customers ask for nothing. */
export async function listRegulars(on: Queryable, most: number): Promise<string[]> {
  const last = qb
    .selectFrom('orders')
    .select(['id', 'customer_id'])
    .where('checkout_id', 'is not', null)
    .orderBy('id', 'desc')
    .limit(most * 25)
  const query = qb
    .selectFrom(last.as('last'))
    .select('customer_id')
    .groupBy('customer_id')
    .orderBy((eb) => eb.fn.max('id'), 'desc')
    .limit(most)
  return (await run(on, query)).map((row) => row.customer_id)
}

/** The regulars stay who they are, also when it is to become more. */
export async function saveTarget(tx: Tx, target: number, regulars: readonly string[]): Promise<void> {
  const query = qb
    .insertInto('history_imports')
    .values({ id: 1, regulars: [...regulars], target, imported: 0 })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ target }))
  await run(tx, query)
}

export async function saveImported(tx: Tx, imported: number): Promise<void> {
  await run(tx, qb.updateTable('history_imports').set({ imported }))
}

export interface Batch {
  /** The n-th order, both included. */
  from: number
  to: number
  regulars: readonly string[]
  /** As many as there may be: with fewer, nobody orders more for that. */
  mostRegulars: number
  titles: readonly string[]
  plan: ImportPlan
}

/**
 * Made where they will live: sending each costs more than making it. All by arithmetic on the number, so that the same
 * number is always the same order; every two minutes one, from 2015 on.
 */
export async function insertPastOrders(tx: Tx, batch: Batch): Promise<void> {
  const { firstOrders, regularEvery, busyUntil, busyEvery } = batch.plan
  const text = `
    insert into past_orders (customer_id, title, places, total_cents, currency, ordered_at)
    select coalesce(regular.id, ${formerCustomer}), ($4::text[])[1 + n % array_length($4::text[], 1)], 1 + n % 4,
           (1 + n % 4) * (2000 + n % 40 * 250), 'EUR', timestamptz '2015-01-01 00:00Z' + n * interval '2 minutes'
      from generate_series($1::int, $2::int) as n
      left join unnest($3::bigint[]) with ordinality as regular(id, place)
        on regular.place = case when n <= $6 and n % $7 = 0 then 1 + n / $7 % $5
                                when n > $6 and n <= $8 and n % $9 = 0 then 1 + n / $9 % $5 end
     order by n`
  const { from, to, regulars, titles, mostRegulars } = batch
  await tx.query(text, [from, to, regulars, titles, mostRegulars, firstOrders, regularEvery, busyUntil, busyEvery])
}

/** Their numbers are beyond those that this shop gives: nobody here has one. */
const formerCustomer = `10000000000 + n::bigint * 7919 % 40000`

/** As autovacuum does it within a minute. */
export async function analyzePastOrders(on: Queryable, signal: AbortSignal): Promise<void> {
  await on.query('analyze past_orders', [], { signal })
}

/** Whole and at once; what was built on the table, such as an index, stays. */
export async function clearHistory(tx: Tx): Promise<void> {
  // In the order in which an import takes them: it is waited for, and no circle is possible.
  await run(tx, qb.deleteFrom('history_imports'))
  await tx.query('truncate past_orders')
}
