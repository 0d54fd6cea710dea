// All SQL of a replay: on its clone, over a connection of its own that nobody watches.

import type pg from 'pg'

type Session = Pick<pg.Client, 'query'>

/** Of the advisory locks on the clone that commits stop at. */
const HOLD = 1_212_568_389

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

export async function countSessions(session: Session, database: string): Promise<number> {
  const text = `/* holdfast:clash.count-sessions */ select count(*)::int as sessions from pg_catalog.pg_stat_activity
    where datname = $1 and pid <> pg_backend_pid() and backend_type = 'client backend'`
  return ((await session.query<{ sessions: number }>(text, [database])).rows[0] as { sessions: number }).sessions
}

export async function cloneDatabase(session: Session, from: string, to: string): Promise<void> {
  await session.query(`/* holdfast:clash.clone */ create database ${quote(to)} template ${quote(from)}`)
}

/** Two that wait for each other are told so soon; where the role may not say that, each costs a second. */
export async function hastenDeadlocks(session: Session, database: string): Promise<void> {
  await session
    .query(`/* holdfast:clash.hasten */ alter database ${quote(database)} set deadlock_timeout = '15ms'`)
    .catch(() => undefined)
}

export async function resetDeadlocks(session: Session, database: string): Promise<void> {
  await session
    .query(`/* holdfast:clash.reset-deadlocks */ alter database ${quote(database)} reset deadlock_timeout`)
    .catch(() => undefined)
}

export async function dropDatabase(session: Session, name: string): Promise<void> {
  await session.query(`/* holdfast:clash.drop */ drop database if exists ${quote(name)} with (force)`)
}

/**
 * Triggers that note what each row was and became: the outcome of a schedule, and the way back from it, without reading a
 * table. Of all tables of the application; a partition counts as its root.
 */
export async function installLog(session: Session): Promise<void> {
  await session.query(`/* holdfast:clash.install */
    drop schema if exists holdfast_clash cascade;
    create schema holdfast_clash;
    grant usage on schema holdfast_clash to public;
    create table holdfast_clash.changes (id bigint generated always as identity, of_table oid not null, old jsonb, new jsonb);
    create table holdfast_clash.sequences (oid oid primary key, last_value bigint, is_called boolean)`)
  await session.query(`/* holdfast:clash.install-functions */
    create function holdfast_clash.note() returns trigger language plpgsql security definer set search_path = pg_catalog as $f$
    begin
      insert into holdfast_clash.changes (of_table, old, new)
      values (coalesce(pg_partition_root(tg_relid), tg_relid), case when tg_op <> 'INSERT' then to_jsonb(old) end,
              case when tg_op <> 'DELETE' then to_jsonb(new) end);
      return null;
    end $f$;
    create function holdfast_clash.hold() returns trigger language plpgsql security definer set search_path = pg_catalog as $f$
    begin
      -- Once for each transaction. First where any may be stopped, then where this one is.
      if current_setting('holdfast_clash.held', true) = '1' then return null; end if;
      perform set_config('holdfast_clash.held', '1', true);
      perform pg_advisory_lock_shared(${HOLD}, 0), pg_advisory_unlock_shared(${HOLD}, 0);
      perform pg_advisory_lock_shared(${HOLD}, pg_backend_pid()), pg_advisory_unlock_shared(${HOLD}, pg_backend_pid());
      return null;
    end $f$;
    create function holdfast_clash.keep_sequences() returns void language plpgsql as $f$
    declare s record; v bigint; called boolean;
    begin
      delete from holdfast_clash.sequences;
      for s in select c.oid, c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where c.relkind = 'S' and n.nspname not in ('holdfast', 'holdfast_clash') loop
        execute 'select last_value, is_called from ' || s.name into v, called;
        insert into holdfast_clash.sequences values (s.oid, v, called);
      end loop;
    end $f$;
    create function holdfast_clash.set_sequences(p_gap bigint) returns void language sql as $f$
      select setval(oid::regclass, last_value + p_gap, is_called or p_gap > 0) from holdfast_clash.sequences
    $f$;
    create function holdfast_clash.undo() returns void language plpgsql as $f$
    declare c record; name text; keys text; cols text;
    begin
      for c in select id, of_table, old, new from holdfast_clash.changes order by id desc loop
        name := c.of_table::regclass::text;
        select string_agg(format('t.%1$I = r.%1$I', a.attname), ' and ') into keys
          from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
         where i.indrelid = c.of_table and i.indisprimary;
        if c.new is not null then
          if keys is null then
            execute format('delete from %1$s where ctid = (select t.ctid from %1$s t where to_jsonb(t) = $1 limit 1)', name) using c.new;
          else
            execute format('delete from %1$s t using jsonb_populate_record(null::%1$s, $1) r where %2$s', name, keys) using c.new;
          end if;
        end if;
        if c.old is not null then
          select string_agg(quote_ident(attname), ', ') into cols from pg_attribute
           where attrelid = c.of_table and attnum > 0 and not attisdropped and attgenerated = '';
          execute format('insert into %1$s (%2$s) overriding system value select %2$s from jsonb_populate_record(null::%1$s, $1)', name, cols)
            using c.old;
        end if;
      end loop;
      delete from holdfast_clash.changes;
      perform holdfast_clash.set_sequences(0);
    end $f$`)
  await session.query(`/* holdfast:clash.install-triggers */
    do $d$ declare t record; begin
      for t in select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p') and not c.relispartition
                  and n.nspname not in ('pg_catalog', 'information_schema', 'holdfast', 'holdfast_clash') and n.nspname !~ '^pg_' loop
        execute format('create trigger holdfast_clash_note after insert or update or delete on %s for each row execute function holdfast_clash.note()', t.name);
        execute format('create constraint trigger holdfast_clash_hold after insert or update or delete on %s deferrable initially deferred for each row execute function holdfast_clash.hold()', t.name);
      end loop;
    end $d$;
    select holdfast_clash.keep_sequences();
    set session_replication_role = replica;
    set jit = off;
    set max_parallel_workers_per_gather = 0`)
}

export async function removeLog(session: Session): Promise<void> {
  await session.query('/* holdfast:clash.remove */ drop schema if exists holdfast_clash cascade')
}

export interface Change {
  table: string
  old: Record<string, unknown> | null
  new: Record<string, unknown> | null
}

/** In the order in which they were made. */
export async function readChanges(session: Session): Promise<Change[]> {
  const text = `/* holdfast:clash.read-changes */
    select c.of_table::regclass::text as table, c.old, c.new from holdfast_clash.changes c order by c.id`
  return (await session.query<Change>(text)).rows
}

export async function undo(session: Session): Promise<void> {
  await session.query('/* holdfast:clash.undo */ select holdfast_clash.undo()')
}

/** The next numbers that sequences give are others. */
export async function advanceSequences(session: Session, gap: number): Promise<void> {
  await session.query('/* holdfast:clash.advance */ select holdfast_clash.set_sequences($1)', [gap])
}

/** Columns that have a number of their own: `orders.id`. */
export async function readDrawnColumns(session: Session): Promise<string[]> {
  const text = `/* holdfast:clash.read-drawn */
    select a.attrelid::regclass::text || '.' || a.attname as name
      from pg_catalog.pg_attribute a left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where a.attnum > 0 and not a.attisdropped and n.nspname not in ('holdfast', 'holdfast_clash')
       and (a.attidentity <> '' or pg_catalog.pg_get_expr(d.adbin, d.adrelid) like 'nextval(%')`
  return (await session.query<{ name: string }>(text)).rows.map(({ name }) => name)
}

/** What a session waits for: a lock that somebody holds, or, in front of its commit, us. */
export type Block = 'none' | 'lock' | 'commit'

export async function findBlock(session: Session, pid: number): Promise<Block> {
  const text = `/* holdfast:clash.find-block */
    select case when pids = '{}' then 'none' when pg_backend_pid() = any (pids) then 'commit' else 'lock' end as block
      from pg_catalog.pg_blocking_pids($1) as pids`
  return (await session.query<{ block: Block }>(text, [pid])).rows[0]?.block ?? 'none'
}

/** Whoever commits a change of a row from now on waits for us. */
export async function holdCommits(session: Session): Promise<void> {
  await session.query(`/* holdfast:clash.hold */ select pg_advisory_lock(${HOLD}, 0)`)
}

/** Nobody waits from now on, but for this session: it stays where it is until it is let go. */
export async function holdCommitOf(session: Session, pid: number): Promise<void> {
  const text = `/* holdfast:clash.hold-one */ select pg_advisory_lock(${HOLD}, $1), pg_advisory_unlock(${HOLD}, 0)`
  await session.query(text, [pid])
}

export async function endHolding(session: Session): Promise<void> {
  await session.query(`/* holdfast:clash.end-holding */ select pg_advisory_unlock(${HOLD}, 0)`)
}

export async function letCommit(session: Session, pid: number): Promise<void> {
  await session.query(`/* holdfast:clash.let-commit */ select pg_advisory_unlock(${HOLD}, $1)`, [pid])
}

export async function letAllCommit(session: Session): Promise<void> {
  await session.query('/* holdfast:clash.let-all-commit */ select pg_advisory_unlock_all()')
}

export async function runDdl(session: Session, texts: readonly string[]): Promise<void> {
  for (const text of texts) await session.query(text)
}

/** Rows that break an invariant; at most one. */
export async function breaks(session: Session, sql: string): Promise<boolean> {
  return (
    (await session.query(`/* holdfast:clash.invariant */ select from (${sql}) as violation limit 1`)).rowCount === 1
  )
}
