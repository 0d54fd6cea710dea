// The SQL about processes and roles; named like that of store.ts. Nothing STABLE in DO UPDATE or RETURNING (Citus).

import type { AppliedRow, Session } from './store.js'

export interface InstanceRecord {
  id: string
  host: string
  pid: number
  package: string
  knows: string
  heartbeatMs: number
}

/** Writes this process down, forgets those not seen for an hour, and tells what was applied. */
export async function announceInstance(session: Session, record: InstanceRecord): Promise<AppliedRow[]> {
  const text = `/* holdfast:core.announce-instance */
    with gone as (
      delete from holdfast.core_instances where seen_at < now() - interval '1 hour' and id <> $1),
    seen as (
      insert into holdfast.core_instances (id, host, pid, package, knows, heartbeat_ms, started_at, seen_at)
      values ($1, $2, $3, $4, $5, $6, now(), now())
      on conflict (id) do update set seen_at = excluded.seen_at)
    select name, checksum, class, package, applied_at from holdfast.core_migrations order by name`
  const { id, host, pid, package: version, knows, heartbeatMs } = record
  return (await session.query<AppliedRow>(text, [id, host, pid, version, knows, heartbeatMs])).rows
}

/** Tells what was applied, or nothing when this process is not written down any more. */
export async function renewInstance(session: Session, id: string): Promise<AppliedRow[]> {
  const text = `/* holdfast:core.renew-instance */
    with seen as (update holdfast.core_instances set seen_at = now() where id = $1 returning id)
    select name, checksum, class, package, applied_at from holdfast.core_migrations
     where exists (select 1 from seen) order by name`
  return (await session.query<AppliedRow>(text, [id])).rows
}

export async function retireInstance(session: Session, id: string): Promise<void> {
  await session.query('/* holdfast:core.retire-instance */ delete from holdfast.core_instances where id = $1', [id])
}

export interface InstanceRow {
  package: string
  host: string
  pid: number
}

/** Processes seen within three of their heartbeats; only those that do not know the migration, when one is named. */
export async function listLiveInstances(session: Session, unaware?: string): Promise<InstanceRow[]> {
  const text = `/* holdfast:core.list-live-instances */
    select package, host, pid from holdfast.core_instances
     where seen_at > now() - 3 * heartbeat_ms * interval '1 ms'
       and ($1::text is null or knows collate "C" < $1::text collate "C")
     order by started_at, id`
  return (await session.query<InstanceRow>(text, [unaware ?? null])).rows
}

/** Until the transaction ends nobody announces itself or renews; who waits then sees what was committed. */
export async function holdAnnouncements(session: Session): Promise<void> {
  await session.query(
    '/* holdfast:core.hold-announcements */ lock table holdfast.core_instances in share row exclusive mode',
  )
}

/** Which of the names are roles of this server. */
export async function listRoles(session: Session, names: readonly string[]): Promise<string[]> {
  const text =
    '/* holdfast:core.list-roles */ select rolname::text as name from pg_roles where rolname = any($1::text[])'
  return (await session.query<{ name: string }>(text, [names])).rows.map(({ name }) => name)
}

export interface RoleRow {
  name: string
  superuser: boolean
  /** Owns the schema holdfast, itself or through a role it is a member of. */
  owner: boolean
}

export async function readRole(session: Session): Promise<RoleRow> {
  const text = `/* holdfast:core.read-role */
    select role.rolname::text as name, role.rolsuper as superuser,
           coalesce(bool_or(pg_has_role(role.oid, ours.nspowner, 'USAGE')), false) as owner
      from pg_roles role left join pg_namespace ours on ours.nspname = 'holdfast'
     where role.rolname = current_user group by 1, 2`
  return (await session.query<RoleRow>(text)).rows[0] as RoleRow
}

/** What the current role lacks to work with the schema, e.g. `insert on core_instances`. */
export async function listMissingRights(session: Session): Promise<string[]> {
  const text = `/* holdfast:core.list-missing-rights */
    with ours as (select oid from pg_namespace where nspname = 'holdfast')
    select 'usage on schema holdfast' as missing from ours where not has_schema_privilege(oid, 'usage')
    union all
    select needed || ' on ' || c.relname from pg_class c, unnest(array['select', 'insert', 'update', 'delete']) as needed
     where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p')
       and (c.relname <> 'core_migrations' or needed = 'select') and not has_table_privilege(c.oid, needed)
    union all
    select 'usage on ' || c.relname from pg_class c
     -- CASE, because the planner may ask about a table first, and that is an error.
     where c.relnamespace in (select oid from ours)
       and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'usage') else false end
    union all
    select 'execute on ' || p.proname from pg_proc p
     where p.pronamespace in (select oid from ours) and not has_function_privilege(p.oid, 'execute')`
  return (await session.query<{ missing: string }>(text)).rows.map(({ missing }) => missing)
}

/** False: another process migrates. Held until the transaction ends. */
export async function tryMigrationLockInTransaction(session: Session, key: string): Promise<boolean> {
  const text = '/* holdfast:core.try-migration-lock-tx */ select pg_try_advisory_xact_lock($1) as locked'
  return (await session.query<{ locked: boolean }>(text, [key])).rows[0]?.locked === true
}

/** Default privileges inside the schema go with it: PostgreSQL records them as depending on it. */
export const dropSchemaText = 'drop schema if exists holdfast cascade;'

export async function dropSchema(session: Session): Promise<void> {
  await session.query(`/* holdfast:core.drop-schema */ ${dropSchemaText}`)
}
