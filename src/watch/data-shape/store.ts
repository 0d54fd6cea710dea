// All SQL that watch sends to find out what results are made of.

import type { Queryable } from '../../core/index.js'

/** A table, a view or the like. */
export interface TableInfo {
  /** With its schema where that is not `public`. Undefined: not known. */
  name: string | undefined
  /** Numbers of the columns that tell its rows apart, the primary key first. Empty: none, or not known. */
  keys: readonly (readonly number[])[]
}

/** Whoever waits for it is nobody, so it does not wait long. */
const READ_MS = 1_000

/** By oid; of tables that are gone there is nothing. Unique columns that may be null tell no rows apart. */
export async function readTables(
  db: Pick<Queryable, 'query'>,
  oids: readonly number[],
): Promise<ReadonlyMap<number, TableInfo>> {
  const text = `/* holdfast:watch.read-tables */
    select c.oid::bigint::text as oid,
           case when n.nspname = 'public' then c.relname else n.nspname || '.' || c.relname end as name,
           (select json_agg((i.indkey::int2[])[0:i.indnkeyatts - 1] order by not i.indisprimary, i.indexrelid)
              from pg_catalog.pg_index i
             where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
               and not exists (select from pg_catalog.pg_attribute a
                                where a.attrelid = c.oid and not a.attnotnull
                                  and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1]))) as keys
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid = any($1::bigint[]::oid[])`
  const { rows } = await db.query<{ oid: string; name: string; keys: number[][] | null }>(text, [oids], {
    deadlineMs: READ_MS,
  })
  return new Map(rows.map(({ oid, name, keys }) => [Number(oid), { name, keys: keys ?? [] }]))
}
