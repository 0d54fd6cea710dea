// SQL of looking at a database that was never watched: the catalog, and statistics that any role may read.

import type { Queryable } from '../../../core/index.js'
import type { Patience } from '../store.js'

type Asked = Pick<Queryable, 'query'>

const OWN = `n.nspname not in ('pg_catalog', 'information_schema', 'holdfast') and n.nspname not like 'pg_toast%'`

export interface ScannedTable {
  relation: string
  rows: number
  bytes: number
  scans: number
  rows_read: number
  index_scans: number
}

/** Tables of which rows are read from the beginning to the end, the most rows first. */
export async function readWholeReads(db: Asked, least: number, patience: Patience): Promise<ScannedTable[]> {
  const text = `/* holdfast:watch.scan_whole_reads */
    select format('%I.%I', n.nspname, c.relname) as relation, greatest(c.reltuples, 0)::float8 as rows,
           pg_relation_size(c.oid)::float8 as bytes, s.seq_scan::float8 as scans, s.seq_tup_read::float8 as rows_read,
           coalesce(s.idx_scan, 0)::float8 as index_scans
      from pg_stat_user_tables s join pg_class c on c.oid = s.relid join pg_namespace n on n.oid = c.relnamespace
     where ${OWN} and s.seq_scan > 0 and s.seq_tup_read / s.seq_scan >= $1
     order by s.seq_tup_read desc limit 10`
  return (await db.query<ScannedTable>(text, [least], patience)).rows
}

export interface DirtyTable {
  relation: string
  live: number
  dead: number
  changed: number
  analyzed_at: Date | null
  vacuumed_at: Date | null
}

/** Rows that are dead and not cleaned up, or that the statistics do not know. */
export async function readDirtyTables(db: Asked, patience: Patience): Promise<DirtyTable[]> {
  const text = `/* holdfast:watch.scan_dirty */
    select format('%I.%I', n.nspname, c.relname) as relation, s.n_live_tup::float8 as live, s.n_dead_tup::float8 as dead,
           s.n_mod_since_analyze::float8 as changed, greatest(s.last_analyze, s.last_autoanalyze) as analyzed_at,
           greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at
      from pg_stat_user_tables s join pg_class c on c.oid = s.relid join pg_namespace n on n.oid = c.relnamespace
     where ${OWN} and (
           s.n_dead_tup >= 10000 and s.n_dead_tup >= s.n_live_tup * 0.5
        or s.n_live_tup >= 10000 and s.n_mod_since_analyze >= s.n_live_tup * 0.5)
     order by s.n_dead_tup + s.n_mod_since_analyze desc limit 20`
  return (await db.query<DirtyTable>(text, [], patience)).rows
}

export interface OpenTransaction {
  pid: number
  state: string
  application: string
  age_ms: number
}

/** Of other roles nothing is shown to one without pg_read_all_stats; how many there are is. */
export async function readLongTransactions(
  db: Asked,
  olderMs: number,
  patience: Patience,
): Promise<{ open: OpenTransaction[]; hidden: number }> {
  const text = `/* holdfast:watch.scan_transactions */
    select pid, coalesce(state, '') as state, left(coalesce(application_name, ''), 60) as application,
           extract(epoch from clock_timestamp() - xact_start)::float8 * 1000 as age_ms,
           backend_type is null as is_hidden
      from pg_stat_activity where datname = current_database() and coalesce(backend_type, 'client backend') = 'client backend'
       and pid <> pg_backend_pid() and (backend_type is null or clock_timestamp() - xact_start > $1 * interval '1 ms') order by xact_start limit 100`
  const { rows } = await db.query<OpenTransaction & { is_hidden: boolean }>(text, [olderMs], patience)
  const open = rows.filter(({ is_hidden: isHidden }) => !isHidden)
  return { open: open.map(({ is_hidden: _hidden, ...row }) => row), hidden: rows.length - open.length }
}

export interface BareForeignKey {
  relation: string
  referenced: string
  name: string
  columns: string
  ddl: string
  rows: number
  bytes: number
}

/** Foreign keys whose columns begin no index: each delete of what they refer to reads the whole table. */
export async function readBareForeignKeys(
  db: Asked,
  leastBytes: number,
  patience: Patience,
): Promise<BareForeignKey[]> {
  const text = `/* holdfast:watch.scan_foreign_keys */
    select format('%I.%I', n.nspname, c.relname) as relation, k.confrelid::regclass::text as referenced, k.conname as name,
           names.list as columns, greatest(c.reltuples, 0)::float8 as rows, pg_relation_size(c.oid)::float8 as bytes,
           format('create index concurrently on %I.%I (%s)', n.nspname, c.relname, names.list) as ddl
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
      cross join lateral (
        select string_agg(quote_ident(a.attname), ', ' order by o.place) as list
          from unnest(k.conkey) with ordinality o (attnum, place)
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = o.attnum) names
     where k.contype = 'f' and k.conparentid = 0 and c.relkind = 'r' and ${OWN} and pg_relation_size(c.oid) >= $1
       and not exists (
         select from pg_index i
          where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
            and k.conkey @> (i.indkey::int2[])[0:cardinality(k.conkey) - 1] and k.conkey <@ (i.indkey::int2[])[0:cardinality(k.conkey) - 1])
     order by pg_relation_size(c.oid) desc limit 20`
  return (await db.query<BareForeignKey>(text, [leastBytes], patience)).rows
}

export interface SlowStatement {
  text: string
  calls: number
  total_ms: number
  mean_ms: number
  rows: number
}

/** Undefined: the extension is not there, or not to be read. */
export async function readSlowStatements(db: Asked, patience: Patience): Promise<SlowStatement[] | undefined> {
  const where = `/* holdfast:watch.scan_extension */
    select quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace
     where e.extname = 'pg_stat_statements' and has_schema_privilege(n.oid, 'usage')`
  const schema = (await db.query<{ schema: string }>(where, [], patience)).rows[0]?.schema
  if (schema === undefined) return undefined
  // Of others it says "<insufficient privilege>"; what is no read or write of rows may hold a password.
  const text = `/* holdfast:watch.scan_statements */
    select left(query, 20000) as text, calls::float8, total_exec_time as total_ms, mean_exec_time as mean_ms, rows::float8
      from ${schema}.pg_stat_statements
     where dbid = (select oid from pg_database where datname = current_database()) and calls >= 10
       and query ~* '^\\s*(/\\*.*?\\*/\\s*)*(select|insert|update|delete|merge|with)\\y' and query !~ 'holdfast[.:]'
     order by total_exec_time desc limit 10`
  return (await db.query<SlowStatement>(text, [], patience)).rows
}

export async function readStatisticsAge(db: Asked, patience: Patience): Promise<Date | null> {
  const text = `/* holdfast:watch.scan_since */ select stats_reset from pg_stat_database where datname = current_database()`
  return (await db.query<{ stats_reset: Date | null }>(text, [], patience)).rows[0]?.stats_reset ?? null
}
