// All SQL of plans: what is asked of the planner, of the catalog, and what is kept.

import type { ClientBase } from 'pg'
import type { Queryable } from '../../core/index.js'
import type { Facts, PlanNode, TableFacts } from './plan-types.js'
import type { Setting } from './session-settings.js'
import type { RawPlan } from './shape.js'

type Asked = Pick<ClientBase, 'query'>

/** The side connection keeps nobody waiting: short, read only, and gone when a table is locked. */
const OPEN = `/* holdfast:watch.explain */ begin read only;
  set local statement_timeout = 200; set local lock_timeout = 50; set local idle_in_transaction_session_timeout = 5000`

/** What the planner would do with this text and these values, under the settings of the application's session. */
export async function explain(
  client: Asked,
  text: string,
  values: readonly unknown[] | undefined,
  settings: readonly Setting[],
): Promise<RawPlan> {
  return await aside(client, settings, async () => await readPlan(client, text, values))
}

/** The plan that any values get. Text and types are the application's; no value is needed. */
export async function explainGeneric(
  client: Asked,
  text: string,
  amount: number,
  settings: readonly Setting[],
): Promise<RawPlan> {
  return await aside(client, settings, async () => {
    await client.query(`set local plan_cache_mode = force_generic_plan`)
    await client.query(`prepare holdfast_watch as ${text}`)
    try {
      const nulls = Array.from({ length: amount }, () => 'null').join(', ')
      return await readPlan(client, amount === 0 ? 'execute holdfast_watch' : `execute holdfast_watch (${nulls})`, [])
    } finally {
      // Of the session, not of the transaction.
      await client.query('rollback; deallocate holdfast_watch').catch(() => undefined)
    }
  })
}

async function aside<T>(client: Asked, settings: readonly Setting[], work: () => Promise<T>): Promise<T> {
  await client.query(OPEN)
  try {
    for (const { text, values } of settings) await client.query(text, values as unknown[])
    // What the application set may have lengthened them.
    if (settings.length > 0) await client.query('set local statement_timeout = 200; set local lock_timeout = 50')
    return await work()
  } finally {
    // What was set for the session is undone with the transaction, too.
    await client.query('rollback')
  }
}

async function readPlan(client: Asked, text: string, values: readonly unknown[] | undefined): Promise<RawPlan> {
  const asked = `explain (format json, verbose, settings) ${text}`
  const { rows } = await client.query<{ 'QUERY PLAN': RawPlan[] }>(asked, values as unknown[])
  return rows[0]?.['QUERY PLAN'][0] as RawPlan
}

/** What is known of these tables; names as `schema.name`. */
export async function readFacts(client: Asked, relations: readonly string[]): Promise<Facts> {
  const text = `/* holdfast:watch.facts */
    select n.nspname || '.' || c.relname as relation, pg_relation_size(c.oid)::float8 as bytes, greatest(c.reltuples, 0)::float8 as rows,
           coalesce(s.n_mod_since_analyze, 0)::float8 as changed,
           extract(epoch from greatest(s.last_analyze, s.last_autoanalyze))::float8 * 1000 as analyzed_at,
           (select coalesce(json_object_agg(i.relname, json_build_object('isValid', x.indisvalid and x.indisready)), '{}')
              from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = c.oid) as indexes,
           (select coalesce(json_object_agg(a.attname, format_type(a.atttypid, null)), '{}')
              from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as types
      from unnest($1::text[]) as wanted
      join pg_namespace n on starts_with(wanted, n.nspname || '.')
      join pg_class c on c.relnamespace = n.oid and wanted = n.nspname || '.' || c.relname
      left join pg_stat_all_tables s on s.relid = c.oid`
  type Row = Omit<TableFacts, 'analyzedAt'> & { relation: string; analyzed_at: number | null }
  const { rows } = await client.query<Row>(text, [relations])
  return Object.fromEntries(
    rows.map(({ relation, analyzed_at: analyzedAt, ...facts }) => [relation, { ...facts, analyzedAt }]),
  )
}

export interface PlanRow {
  statement: string
  shape: string
  tree: PlanTree
  is_inferred: boolean
  /** To be added. */
  seen: number
  typical_ms: number
  slow_ms: number
  cost: number
  facts: Facts | null
}

/** With what a comparison needs beside the tree. */
export interface PlanTree {
  root: PlanNode
  accesses: { relation: string; access: 'index' | 'walk' | 'seq' | 'other'; indexes: string[]; partitions: number }[]
}

/** At most twice counted, where the answer was lost. */
export async function writePlans(db: Pick<Queryable, 'query'>, rows: readonly PlanRow[], at: Date): Promise<void> {
  const text = `/* holdfast:watch.write_plans */
    with given as (
      select * from json_to_recordset($1::json) as g (statement bigint, shape bigint, tree jsonb, is_inferred boolean,
        seen bigint, typical_ms float8, slow_ms float8, cost float8, facts jsonb)),
    sighted as (
      insert into holdfast.watch_sightings as s (minutes, began_at, statement, shape, seen, most_ms)
      select m.minutes, date_trunc(m.unit, $2::timestamptz), statement, shape, seen, slow_ms
        from given cross join (values (1::smallint, 'minute'), (60::smallint, 'hour')) as m (minutes, unit)
      on conflict (minutes, began_at, statement, shape) do update
        set seen = s.seen + excluded.seen, most_ms = greatest(s.most_ms, excluded.most_ms))
    insert into holdfast.watch_plans as p (statement, shape, tree, is_inferred, seen, typical_ms, slow_ms, cost, facts)
    select statement, shape, tree, is_inferred, seen, typical_ms, slow_ms, cost, facts from given
    on conflict (statement, shape) do update
      set seen = p.seen + excluded.seen, typical_ms = excluded.typical_ms, slow_ms = greatest(p.slow_ms, excluded.slow_ms),
          cost = greatest(p.cost, excluded.cost), facts = coalesce(excluded.facts, p.facts), last_seen_at = now()`
  await db.query(text, [JSON.stringify(rows), at])
}

export interface StoredPlan {
  shape: string
  tree: PlanTree
  is_inferred: boolean
  seen: string
  typical_ms: number
  slow_ms: number
  cost: number
  facts: Facts | null
}

export async function loadPlans(db: Pick<Queryable, 'query'>, statement: string): Promise<StoredPlan[]> {
  const text = `/* holdfast:watch.load_plans */
    select shape::text, tree, is_inferred, seen, typical_ms, slow_ms, cost, facts
      from holdfast.watch_plans where statement = $1 order by last_seen_at desc limit 20`
  return (await db.query<StoredPlan>(text, [statement])).rows
}

/** How often the application's own session planned for the values, and how often not. */
export const countPlansText = `/* holdfast:watch.count_plans */
  select generic_plans::int as generic, custom_plans::int as custom from pg_prepared_statements where name = $1`

/** In a test: nobody is kept waiting, and a planner on a busy machine may take its time. Rolled back; nothing is executed. */
export async function explainOnce(
  client: Asked,
  text: string,
  values: readonly unknown[] | undefined,
  { avoidsWholeReads }: { avoidsWholeReads: boolean },
): Promise<RawPlan> {
  await client.query(`/* holdfast:watch.explain_once */ begin read only;
    set local statement_timeout = 10000; set local lock_timeout = 5000`)
  try {
    if (avoidsWholeReads) await client.query('set local enable_seqscan = off')
    return await readPlan(client, text, values)
  } finally {
    await client.query('rollback')
  }
}
