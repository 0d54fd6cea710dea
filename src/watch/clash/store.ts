// All SQL of what collides: the keys and checks of the application's tables, and the pairs that were found.

import type { Queryable } from '../../core/index.js'
import { Catalog, type Table } from './catalog.js'
import type { Clash, ClashKind } from './describe.js'
import type { ClashReplay } from './inspect-types.js'

/** Whoever waits for it is nobody, so it does not wait long. */
const READ_MS = 2_000
const MOST_TABLES = 2_000
/** A person waits for it. */
const LIST_MS = 5_000

interface TableRow {
  oid: string
  schema: string
  name: string
  is_visible: boolean
  columns: { number: number; name: string; type: string; drawn: boolean }[]
  indexes: { columns: number[]; primary: boolean; predicate: string | null; expressions: string | null }[] | null
  constraints: { type: 'c' | 'x' | 'f'; columns: number[] | null; target: string | null; keeps: boolean }[] | null
}

/** Of all tables of the application, at most 2,000. */
export async function readCatalog(db: Pick<Queryable, 'query'>): Promise<Catalog> {
  const text = `/* holdfast:watch.read-clash-catalog */
    select c.oid::bigint::text as oid, n.nspname as schema, c.relname as name,
           pg_catalog.pg_table_is_visible(c.oid) as is_visible,
           (select json_agg(json_build_object('number', a.attnum, 'name', a.attname,
                     'type', pg_catalog.format_type(a.atttypid, null),
                     'drawn', a.attidentity <> '' or a.atthasdef and pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ 'nextval|gen_random|uuid|now\\(|CURRENT_|clock_timestamp')
                     order by a.attnum)
              from pg_catalog.pg_attribute a
              left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
           (select json_agg(json_build_object('columns', (i.indkey::int2[])[0:i.indnkeyatts - 1], 'primary', i.indisprimary,
                     'predicate', pg_catalog.pg_get_expr(i.indpred, i.indrelid),
                     'expressions', pg_catalog.pg_get_expr(i.indexprs, i.indrelid)))
              from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid) as indexes,
           (select json_agg(json_build_object('type', k.contype, 'columns', k.conkey,
                     'target', nullif(k.confrelid, 0)::bigint::text, 'keeps', k.confdeltype in ('a', 'r')))
              from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype in ('c', 'x', 'f')) as constraints
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition
       and n.nspname not in ('pg_catalog', 'information_schema', 'holdfast') and n.nspname !~ '^pg_(toast|temp)'
     order by c.oid limit $1`
  const { rows } = await db.query<TableRow>(text, [MOST_TABLES], { deadlineMs: READ_MS })
  return new Catalog(rows.map(toTable))
}

function toTable({ oid, schema, name, is_visible, columns, indexes, constraints }: TableRow): Table {
  const nameOf = (number: number) => columns.find((column) => column.number === number)?.name ?? ''
  const namesOf = (numbers: readonly number[] | null) => (numbers ?? []).map(nameOf)
  const unique = (indexes ?? []).map((index) => ({
    columns: namesOf(index.columns.filter((number) => number > 0)),
    predicate: index.predicate ?? undefined,
    expressions: index.expressions ?? undefined,
  }))
  const ofType = (type: 'c' | 'x' | 'f') => (constraints ?? []).filter((constraint) => constraint.type === type)
  return {
    id: Number(oid),
    name: schema === 'public' ? name : `${schema}.${name}`,
    names: is_visible ? [name, `${schema}.${name}`] : [`${schema}.${name}`],
    columns: new Map(columns.map(({ number, name: column, type, drawn }) => [number, { name: column, type, drawn }])),
    key: namesOf(indexes?.find(({ primary }) => primary)?.columns ?? []),
    unique,
    checked: new Set(ofType('c').flatMap(({ columns: numbers }) => namesOf(numbers))),
    excluded: ofType('x').map(({ columns: numbers }) => namesOf(numbers)),
    references: ofType('f').map(({ columns: numbers, target, keeps }) => ({
      columns: namesOf(numbers),
      table: Number(target),
      keeps,
    })),
  }
}

/** Of several processes the one that saw most overlaps has the word; what a replay has shown stays. */
export async function writeClashes(db: Pick<Queryable, 'query'>, clashes: readonly Clash[]): Promise<void> {
  const text = `/* holdfast:watch.write_clashes */
    insert into holdfast.watch_clashes as c (id, kind, on_table, first_route, second_route, protected_by, real_overlaps, window_ms, requests, detail)
    select id, kind, on_table, first_route, second_route, protected_by, real_overlaps, window_ms, requests, detail
      from json_to_recordset($1::json) as g (id text, kind text, on_table text, first_route text, second_route text,
        protected_by text, real_overlaps bigint, window_ms double precision, requests bigint, detail jsonb)
    on conflict (id) do update set
      kind = excluded.kind, protected_by = excluded.protected_by, real_overlaps = greatest(c.real_overlaps, excluded.real_overlaps),
      window_ms = greatest(c.window_ms, excluded.window_ms), requests = greatest(c.requests, excluded.requests),
      detail = excluded.detail, last_seen_at = now()`
  const rows = clashes.map((clash) => ({
    id: clash.id,
    kind: clash.kind,
    on_table: clash.table,
    first_route: clash.read.route,
    second_route: clash.other.route,
    protected_by: clash.protectedBy,
    real_overlaps: clash.overlaps,
    window_ms: clash.windowMs,
    requests: clash.requests,
    detail: clash,
  }))
  await db.query(text, [JSON.stringify(rows)])
}

/** What turned out to be none goes, with its finding; what a replay has shown stays. */
export async function takeBackClashes(db: Pick<Queryable, 'query'>, ids: readonly string[]): Promise<void> {
  const text = `/* holdfast:watch.take_back_clashes */
    with gone as (delete from holdfast.watch_clashes where id = any($1::text[]) and replay is null returning id)
    delete from holdfast.watch_findings where kind = 'clash' and evidence->>'id' in (select id from gone)`
  await db.query(text, [ids])
}

export interface ClashRow {
  detail: Clash
  protected_by: string | null
  real_overlaps: string
  window_ms: number
  requests: string
  replay: ClashReplay | null
  replayed_at: Date | null
  first_seen_at: Date
  last_seen_at: Date
}

const clashColumns =
  'detail, protected_by, real_overlaps, window_ms, requests, replay, replayed_at, first_seen_at, last_seen_at'

/** In the order of their index: what nothing protects first, then what really met most often. */
export async function listClashes(
  db: Pick<Queryable, 'query'>,
  { kind, protectedToo, limit }: { kind: ClashKind | null; protectedToo: boolean; limit: number },
): Promise<ClashRow[]> {
  // A condition and no parameter: so the index leads to the rows, and not only through them.
  const text = `/* holdfast:watch.clashes */
    select ${clashColumns} from holdfast.watch_clashes
     where ($1::text is null or kind = $1) ${protectedToo ? '' : 'and (protected_by is null)'}
     order by (protected_by is null) desc, real_overlaps desc, window_ms desc limit $2`
  return (await db.query<ClashRow>(text, [kind, limit], { deadlineMs: LIST_MS })).rows
}

export async function findClash(db: Pick<Queryable, 'query'>, id: string): Promise<ClashRow | undefined> {
  const text = `/* holdfast:watch.clash */ select ${clashColumns} from holdfast.watch_clashes where id = $1`
  return (await db.query<ClashRow>(text, [id], { deadlineMs: LIST_MS })).rows[0]
}

/** What a replay on a clone has shown, in place of what an earlier one has. False: the pair has been forgotten. */
export async function writeReplay(db: Pick<Queryable, 'query'>, id: string, replay: ClashReplay): Promise<boolean> {
  const text = `/* holdfast:watch.write-replay */
    update holdfast.watch_clashes set replay = $2::jsonb, replayed_at = now() where id = $1`
  return (await db.query(text, [id, JSON.stringify(replay)])).rowCount === 1
}
