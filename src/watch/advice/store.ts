// All SQL of index advice that names what is the same at each use; the rest is the user's statement and its copies.

import type { Asker } from './session.js'

export interface TableRow {
  name: string
  oid: number
  schema: string
  table: string
  kind: string
  persistence: string
  definition: string | null
  partitions: string[]
  rows: number
  pages: number
  row_security: boolean
  inserts: number
  updates: number
  deletes: number
  seconds: number | null
}

/** Names as a statement has them; what is not there, or may not be seen, is left out. */
export async function readTables(ask: Asker, names: readonly string[]): Promise<TableRow[]> {
  const text = `/* holdfast:watch.read_tables */
    select given.name, c.oid::int8::float8 as oid, n.nspname as schema, c.relname as table, c.relkind::text as kind,
           c.relpersistence::text as persistence, case when c.relkind = 'v' then pg_get_viewdef(c.oid) end as definition,
           coalesce(sizes.partitions, '{}') as partitions, sizes.rows, sizes.pages,
           c.relrowsecurity and row_security_active(c.oid) as row_security,
           sizes.inserts, sizes.updates, sizes.deletes,
           extract(epoch from now() - (select stats_reset from pg_stat_database where datname = current_database()))::float8 as seconds
      from unnest($1::text[]) as given (name)
      join pg_class c on c.oid = to_regclass(given.name)
      join pg_namespace n on n.oid = c.relnamespace
     cross join lateral (
       select array_agg(format('%I.%I', pn.nspname, p.relname) order by pn.nspname, p.relname) filter (where p.oid <> c.oid) as partitions,
              coalesce(sum(case when p.reltuples >= 0 and p.relpages > 0 then p.reltuples * pg_relation_size(p.oid) / 8192 / p.relpages
                                else pg_relation_size(p.oid) / 100 end), 0)::float8 as rows,
              coalesce(sum(pg_relation_size(p.oid) / 8192), 0)::float8 as pages,
              coalesce(sum(pg_stat_get_tuples_inserted(p.oid)), 0)::float8 as inserts,
              coalesce(sum(pg_stat_get_tuples_updated(p.oid)), 0)::float8 as updates,
              coalesce(sum(pg_stat_get_tuples_deleted(p.oid)), 0)::float8 as deletes
         from pg_class p join pg_namespace pn on pn.oid = p.relnamespace
        where p.relkind in ('r', 'm', 'p')
          and (p.oid = c.oid and c.relkind <> 'p'
               or c.relkind = 'p' and p.oid in (select relid from pg_partition_tree(c.oid) where isleaf))) sizes`
  return await ask<TableRow>(text, [names])
}

export interface ColumnRow {
  oid: number
  name: string
  type: string
  is_c: boolean
  n_distinct: number
  null_frac: number
  avg_width: number
}

/** Figures of the statistics, and none of the values in them. */
export async function readColumns(ask: Asker, oids: readonly number[]): Promise<ColumnRow[]> {
  const text = `/* holdfast:watch.read_columns */
    select a.attrelid::int8::float8 as oid, a.attname as name, coalesce(b.typname, t.typname) as type,
           coalesce(case when l.collname = 'default' then d.datlocprovider = 'b' or d.datlocprovider <> 'i' and d.datcollate in ('C', 'POSIX')
                         else l.collname in ('C', 'POSIX', 'ucs_basic') end, false) as is_c,
           coalesce(s.n_distinct, 0)::float8 as n_distinct, coalesce(s.null_frac, 0)::float8 as null_frac, coalesce(s.avg_width, 8)::float8 as avg_width
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_type t on t.oid = a.atttypid left join pg_type b on b.oid = nullif(t.typbasetype, 0)
      left join pg_collation l on l.oid = a.attcollation
      join pg_database d on d.datname = current_database()
      left join lateral (
        select s.n_distinct, s.null_frac, s.avg_width from pg_stats s
         where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname order by s.inherited desc limit 1) s on true
     where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
     order by a.attrelid, a.attnum`
  return await ask<ColumnRow>(text, [oids])
}

export interface IndexRow {
  oid: number
  table: string
  name: string
  method: string
  keys: { text: string; options: number; opclass: string | null }[]
  include: string[]
  where: string | null
  is_unique: boolean
  is_constraint: boolean
  is_valid: boolean
  definition: string
  scans: number
  size: number
}

const indexColumns = `i.indrelid::int8::float8 as oid, format('%I.%I', n.nspname, t.relname) as table, format('%I.%I', n.nspname, c.relname) as name,
           am.amname as method, i.indisunique as is_unique, i.indisvalid as is_valid, pg_get_expr(i.indpred, i.indrelid, true) as where,
           exists (select from pg_constraint where conindid = i.indexrelid) or i.indisreplident as is_constraint,
           substring(pg_get_indexdef(i.indexrelid) from ' (USING .*)$') as definition,
           coalesce(pg_stat_get_numscans(i.indexrelid), 0)::float8 as scans, pg_relation_size(i.indexrelid)::float8 as size,
           (select json_agg(json_build_object('text', pg_get_indexdef(i.indexrelid, k, true), 'options', i.indoption[k - 1],
                     'opclass', (select opcname from pg_opclass where oid = i.indclass[k - 1] and not opcdefault)) order by k)
              from generate_series(1, i.indnkeyatts::int) k) as keys,
           array(select pg_get_indexdef(i.indexrelid, k, true) from generate_series(i.indnkeyatts + 1, i.indnatts::int) k) as include
      from pg_index i
      join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
      join pg_namespace n on n.oid = t.relnamespace join pg_am am on am.oid = c.relam`

export async function readIndexes(ask: Asker, oids: readonly number[]): Promise<IndexRow[]> {
  const text = `/* holdfast:watch.read_indexes */ select ${indexColumns} where i.indrelid = any($1::oid[]) order by c.relname`
  return await ask<IndexRow>(text, [oids])
}

/** Of the user's tables. An index that is being built just now is not taken for a failed one. */
export async function readAllIndexes(ask: Asker): Promise<IndexRow[]> {
  const text = `/* holdfast:watch.read_all_indexes */ select ${indexColumns}
     where n.nspname not in ('pg_catalog', 'information_schema', 'holdfast') and n.nspname !~ '^pg_(toast|temp)' and c.relkind = 'i'
       and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
     order by 2, 3`
  return await ask<IndexRow>(text, [])
}

export interface SituationRow {
  can_copy: boolean
  is_standby: boolean
  hypopg: string | null
  has_trigrams: boolean
  version: number
  stats_seconds: number | null
  standbys: number
}

export async function readSituation(ask: Asker): Promise<SituationRow> {
  const text = `/* holdfast:watch.read_situation */
    select has_database_privilege(current_database(), 'TEMP') as can_copy, pg_is_in_recovery() as is_standby,
           (select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'hypopg') as hypopg,
           exists (select from pg_extension where extname = 'pg_trgm') as has_trigrams,
           current_setting('server_version_num')::int as version,
           (select extract(epoch from now() - stats_reset)::float8 from pg_stat_database where datname = current_database()) as stats_seconds,
           (select count(*)::int from pg_stat_replication) as standbys`
  return (await ask<SituationRow>(text, []))[0] as SituationRow
}

/** Functions that may do something, or answer something else, each time they are called. */
export async function countVolatile(ask: Asker, names: readonly string[]): Promise<number> {
  const text = `/* holdfast:watch.count_volatile */ select count(*)::int as many from pg_proc where proname = any($1) and provolatile = 'v'`
  return (await ask<{ many: number }>(text, [names]))[0]?.many ?? 0
}

/** For the transaction that follows, and rolled back with it. */
export async function beginQuietly(ask: Asker, searchPath: string | undefined, statementMs: number): Promise<void> {
  await ask('/* holdfast:watch.begin */ begin', [])
  const text = `/* holdfast:watch.settings */
    select set_config('statement_timeout', $1, true), set_config('lock_timeout', '50ms', true), set_config('jit', 'off', true),
           set_config('search_path', coalesce($2, current_setting('search_path')), true)`
  await ask(text, [`${statementMs}ms`, searchPath ?? null])
}
