// All SQL of core. Each statement is named in a comment, so that pg_stat_statements and logs can name it too.

import type { QueryResultRow } from 'pg'

/** A client of the driver, or a Db: whatever runs a statement. */
export interface Session {
  query<T extends QueryResultRow>(text: string, params?: unknown[]): Promise<{ rows: T[] }>
}

export interface AppliedRow {
  name: string
  checksum: string
  class: 'expand' | 'contract' | 'data'
  package: string
  applied_at: Date
}

export interface MigrationRecord {
  name: string
  checksum: string
  class: string
  package: string
  durationMs: number
}

// 'holdfast' in ASCII, as one bigint: readable in pg_locks by whoever wonders.
export const MIGRATION_LOCK = BigInt(`0x${Buffer.from('holdfast').toString('hex')}`).toString()

export async function tryMigrationLock(session: Session): Promise<boolean> {
  const text = '/* holdfast:core.try-migration-lock */ select pg_try_advisory_lock($1) as locked'
  const { rows } = await session.query<{ locked: boolean }>(text, [MIGRATION_LOCK])
  return rows[0]?.locked === true
}

/** A migration that waits for a lock makes every later statement on that table wait behind it. */
export async function limitLockWait(session: Session): Promise<void> {
  await session.query(`/* holdfast:core.limit-lock-wait */ set local lock_timeout = '3s'`)
}

export async function listApplied(session: Session): Promise<AppliedRow[]> {
  const text = `/* holdfast:core.list-applied */
    -- By way of JSON: doctor reads this table even where the column was dropped by hand.
    select name, checksum, class, to_jsonb(applied) ->> 'package' as package, applied_at
      from holdfast.core_migrations as applied order by name`
  return (await session.query<AppliedRow>(text)).rows
}

export async function recordMigration(session: Session, record: MigrationRecord): Promise<void> {
  const text = `/* holdfast:core.record-migration */
    insert into holdfast.core_migrations (name, checksum, class, package, duration_ms) values ($1, $2, $3, $4, $5)`
  await session.query(text, [record.name, record.checksum, record.class, record.package, record.durationMs])
}

/** The record as a literal statement; every value is ours and free of quotes. */
export function printRecord({ name, checksum, class: kind, package: version, durationMs }: MigrationRecord): string {
  return `insert into holdfast.core_migrations (name, checksum, class, package, duration_ms)
values ('${name}', '${checksum}', '${kind}', '${version}', ${durationMs})
on conflict (name) do nothing;`
}

export interface ServerRow {
  version: string
  major: number
  /** Of the backend that answered. */
  pid: number
  /** Citus' catalog of distributed tables is there. */
  isCitus: boolean
}

export async function readServer(session: Session): Promise<ServerRow> {
  const text = `/* holdfast:core.read-server */
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
           pg_backend_pid() as pid, to_regclass('pg_dist_partition') is not null as "isCitus"`
  const { rows } = await session.query<ServerRow>(text)
  return rows[0] as ServerRow
}

/** Tables of ours that Citus does not know, as long as it distributes any table at all. */
export async function listUnregisteredTables(session: Session): Promise<string[]> {
  const text = `/* holdfast:core.list-unregistered-tables */
    select 'holdfast.' || c.relname as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'holdfast' and c.relkind in ('r', 'p')
       and exists (select from pg_dist_partition)
       and not exists (select from pg_dist_partition p where p.logicalrelid = c.oid)
     order by 1`
  return (await session.query<{ name: string }>(text)).rows.map(({ name }) => name)
}

export interface EpochRow {
  systemIdentifier: string
  timeline: number
  isRecovering: boolean
}

/**
 * A primary's timeline is that of the WAL it writes: the control file's lags behind a promotion until the next checkpoint.
 * A standby cannot be asked that; the highest of what it replayed to, checkpointed and receives is the nearest there is.
 */
export async function readEpoch(session: Session): Promise<EpochRow> {
  const text = `/* holdfast:core.read-epoch */
    select s.system_identifier::text as "systemIdentifier", pg_is_in_recovery() as "isRecovering",
           case when pg_is_in_recovery() then null
                else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as "walTimeline",
           greatest(c.timeline_id, r.min_recovery_end_timeline, (select received_tli from pg_stat_wal_receiver))
             as "controlTimeline"
      from pg_control_system() s, pg_control_checkpoint() c, pg_control_recovery() r`
  type Row = Omit<EpochRow, 'timeline'> & { walTimeline: string | null; controlTimeline: number }
  const { rows } = await session.query<Row>(text)
  const { systemIdentifier, isRecovering, walTimeline, controlTimeline } = rows[0] as Row
  const timeline = walTimeline === null ? controlTimeline : Number.parseInt(walTimeline, 16)
  return { systemIdentifier, isRecovering, timeline }
}

export async function readBackendPid(session: Session): Promise<number> {
  const text = '/* holdfast:core.read-backend-pid */ select pg_backend_pid() as pid'
  return (await session.query<{ pid: number }>(text)).rows[0]?.pid as number
}

export interface SettingRow {
  name: string
  setting: string
  unit: string | null
}

export async function readSettings(session: Session, names: readonly string[]): Promise<SettingRow[]> {
  const text = `/* holdfast:core.read-settings */
    select name, setting, unit from pg_settings where name = any($1::text[])`
  return (await session.query<SettingRow>(text, [names])).rows
}

export interface CatalogRow {
  kind: 'table' | 'column' | 'index' | 'constraint' | 'function'
  name: string
  definition: string
}

/** What the schema holdfast really holds, in a form that two servers of different versions describe alike. */
export async function readCatalog(session: Session): Promise<CatalogRow[]> {
  const text = `/* holdfast:core.read-catalog */
    with ours as (select oid from pg_namespace where nspname = 'holdfast')
    select 'table' as kind, relname::text as name, relkind::text as definition
      from pg_class where relnamespace in (select oid from ours) and relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select 'column', c.relname || '.' || a.attname,
           format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
           || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where c.relnamespace in (select oid from ours) and a.attnum > 0 and not a.attisdropped
    union all
    select 'index', c.relname::text, pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' invalid' end
      from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace in (select oid from ours)
    union all
    -- PostgreSQL 18 lists NOT NULL among the constraints (contype n); the columns tell it on every version.
    select 'constraint', c.relname || '.' || x.conname, pg_get_constraintdef(x.oid)
      from pg_constraint x join pg_class c on c.oid = x.conrelid
     where c.relnamespace in (select oid from ours) and x.contype in ('p', 'u', 'c', 'f', 'x')
    union all
    select 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', md5(p.prosrc)
      from pg_proc p where p.pronamespace in (select oid from ours)
    order by 1, 2`
  return (await session.query<CatalogRow>(text)).rows
}

/** `limitMs` of 0 takes the limit away. For statements outside a transaction. */
export async function limitSessionLockWait(session: Session, limitMs: number): Promise<void> {
  const text = `/* holdfast:core.limit-session-lock-wait */ select set_config('lock_timeout', $1, false)`
  await session.query(text, [`${Math.ceil(limitMs)}ms`])
}

/** Whether an index of the schema holdfast can be used; undefined where there is none of that name. */
export async function readIndexValidity(session: Session, name: string): Promise<boolean | undefined> {
  const text = `/* holdfast:core.read-index-validity */
    select i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relname = $1 and c.relnamespace in (select oid from pg_namespace where nspname = 'holdfast')`
  return (await session.query<{ valid: boolean }>(text, [name])).rows[0]?.valid
}

export async function dropInvalidIndex(session: Session, name: string): Promise<void> {
  await session.query(`/* holdfast:core.drop-invalid-index */ drop index concurrently if exists holdfast."${name}"`)
}
