-- Sagas: functions of several steps that always end, done or undone, whoever dies meanwhile.
--
-- A saga is a row; each step that ended is a row of its own, written once. What was begun and has not ended stands in the
-- saga's own row (doing), which each write locks and changes anyway: the fence is checked by that lock, and a step costs
-- one change of a row and one new row. Alternatives: docs/decisions/0016-sagas-protocol.md.
-- class: expand

create table holdfast.sagas_kinds (
  id           smallint generated always as identity primary key,
  name         text not null check (length(name) between 1 and 80),
  version      integer not null check (version > 0),
  keep_ms      bigint not null check (keep_ms >= 0),
  created_at   timestamptz not null default now(),
  unique (name, version)
);
comment on table holdfast.sagas_kinds is 'A version of a saga''s code. Instances keep the one they began with.';
comment on column holdfast.sagas_kinds.keep_ms is 'So long an instance is kept after its end.';

create table holdfast.sagas_workers (
  id           bigint generated always as identity primary key,
  instance     text not null,
  lease_ms     integer not null check (lease_ms > 0),
  kinds        smallint[] not null,
  started_at   timestamptz not null default now(),
  seen_at      timestamptz not null default now()
);
comment on table holdfast.sagas_workers is 'Processes that run sagas. Without its row one can neither claim nor write; whoever deletes the row hands its sagas on.';

create table holdfast.sagas_instances (
  id           text primary key check (length(id) between 1 and 150),
  kind         smallint not null,
  state        text not null check (state in ('running', 'waiting', 'compensating', 'done', 'compensated', 'stuck')),
  is_undoing   boolean not null default false,
  is_pivoted   boolean not null default false,
  is_cancelled boolean not null default false,
  owner        bigint,
  fence        integer not null default 1,
  wake_at      timestamptz,
  signals      integer not null default 0,
  crashes      smallint not null default 0,
  token        bigint,
  doing        jsonb not null default '[]',
  input        jsonb,
  output       jsonb,
  error        jsonb,
  started_at   timestamptz not null default clock_timestamp(),
  ends_by      timestamptz not null,
  finished_at  timestamptz
) with (fillfactor = 80);
-- Due or parked, of one version: 1,000,000 that sleep cost a claim nothing.
create index sagas_instances_wake on holdfast.sagas_instances (kind, wake_at) where owner is null and wake_at is not null;
create index sagas_instances_owner on holdfast.sagas_instances (owner) where owner is not null;
create index sagas_instances_stuck on holdfast.sagas_instances (kind, started_at) where state = 'stuck';
create index sagas_instances_undoing on holdfast.sagas_instances (started_at) where state = 'compensating';
create index sagas_instances_ended on holdfast.sagas_instances (kind, finished_at) where finished_at is not null;
comment on table holdfast.sagas_instances is 'Sagas: under way, parked, and those that ended, for as long as they are kept.';
comment on column holdfast.sagas_instances.doing is 'Steps that have begun and not ended, in the order of their start.';
comment on column holdfast.sagas_instances.fence is 'Goes up with each change of hands. Who does not have it writes nothing.';
comment on column holdfast.sagas_instances.signals is 'How many were ever sent to it: who parks tells how many it knew of.';
comment on column holdfast.sagas_instances.crashes is 'Owners that died with it since a step was last recorded.';
comment on column holdfast.sagas_instances.token is 'Of the call that started it: a repeated statement of the same call finds its own row.';

create table holdfast.sagas_steps (
  saga         text not null,
  seq          integer not null check (seq > 0),
  name         text not null,
  kind         text not null check (kind in ('tx', 'call', 'sleep', 'wait', 'pivot')),
  ended        integer not null,
  outcome      text not null check (outcome in ('done', 'failed', 'refused', 'unknown')),
  attempts     integer not null default 1,
  output       jsonb,
  error        jsonb,
  started_at   timestamptz not null,
  ended_at     timestamptz not null default clock_timestamp(),
  undo         text check (undo in ('done', 'skipped', 'failing')),
  undo_attempts integer not null default 0,
  undo_error   jsonb,
  undone_at    timestamptz,
  primary key (saga, seq)
);
comment on table holdfast.sagas_steps is 'Steps that have ended, and what became of their undoing. seq: the order in which they began; ended: in which the saga was told.';

create table holdfast.sagas_signals (
  id           bigint generated always as identity primary key,
  saga         text not null,
  event        text not null check (length(event) between 1 and 80),
  key          text,
  payload      jsonb,
  taken_by     integer,
  sent_at      timestamptz not null default clock_timestamp()
);
create index sagas_signals_saga on holdfast.sagas_signals (saga, id);
create unique index sagas_signals_key on holdfast.sagas_signals (saga, event, key) where key is not null;
comment on table holdfast.sagas_signals is 'What was sent to sagas, before or while they waited for it. taken_by: the step that got it; 0: it did not fit the schema.';

create table holdfast.sagas_actions (
  id           bigint generated always as identity primary key,
  saga         text not null,
  action       text not null check (action in ('cancel', 'retry', 'skip-undo')),
  step         text,
  reason       text,
  actor        text,
  at           timestamptz not null default clock_timestamp()
);
create index sagas_actions_saga on holdfast.sagas_actions (saga, id);
comment on table holdfast.sagas_actions is 'What operators did, and why.';

create function holdfast.sagas_register(p_name text, p_version integer, p_keep_ms bigint) returns smallint
language plpgsql as $$
declare
  v_id smallint;
begin
  -- Looked for first: an insert that conflicts would use up an id each time.
  select k.id into v_id from holdfast.sagas_kinds k where k.name = p_name and k.version = p_version;
  if not found then
    insert into holdfast.sagas_kinds as k (name, version, keep_ms) values (p_name, p_version, p_keep_ms)
    on conflict (name, version) do update set keep_ms = excluded.keep_ms returning k.id into v_id;
    return v_id;
  end if;
  update holdfast.sagas_kinds k set keep_ms = p_keep_ms where k.id = v_id and k.keep_ms <> p_keep_ms;
  return v_id;
end $$;

-- Starts many. With an owner they are its own from the start, and nobody has to look for them. is_new is null where the
-- id was being used by somebody who then did not commit.
create function holdfast.sagas_start(p_owner bigint, p_records json)
returns table (id text, token bigint, is_new boolean, is_owned boolean, is_same boolean)
language plpgsql as $$
#variable_conflict use_column
declare
  v_owner bigint;
  v_now timestamptz := clock_timestamp();
begin
  if p_owner is not null then
    -- Held to the commit: a row of a worker that is gone would belong to nobody.
    select w.id into v_owner from holdfast.sagas_workers w where w.id = p_owner for key share;
  end if;
  insert into holdfast.sagas_instances (id, kind, state, owner, wake_at, token, doing, input, ends_by)
  select r.id, r.kind, 'running', v_owner, case when v_owner is null then v_now end, r.token, coalesce(r.doing, '[]'), r.input,
         v_now + r.timeout * interval '1 millisecond'
    from json_to_recordset(p_records) r (id text, kind smallint, token bigint, doing jsonb, input jsonb, timeout float8)
  on conflict do nothing;
  return query
    select r.id, r.token, i.token = r.token, i.token = r.token and i.owner is not null,
           i.input is not distinct from r.input and k.name = o.name
      from json_to_recordset(p_records) r (id text, kind smallint, token bigint, input jsonb)
      join holdfast.sagas_kinds k on k.id = r.kind
      left join holdfast.sagas_instances i on i.id = r.id
      left join holdfast.sagas_kinds o on o.id = i.kind;
end $$;

-- Writes what became of sagas of one owner: steps that ended, undone ones, signals taken, and the row of each. A saga that
-- is not this owner's any more, or has another fence, is left out of the answer, and nothing of it is written; one that
-- somebody has locked is left out too, unless p_waits. Repeated, it changes nothing.
create function holdfast.sagas_write(
  p_owner bigint, p_records json, p_steps json, p_undone json, p_taken json, p_waits boolean
) returns table (id text, signals integer, is_cancelled boolean, is_parked boolean)
language plpgsql
-- Its plans are kept, and may be made while the tables are new and empty: then they would read all of them, for hours.
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_ids text[];
  v_now timestamptz := clock_timestamp();
begin
  if p_waits then
    v_ids := array(select i.id from json_to_recordset(p_records) r (id text, fence integer) join holdfast.sagas_instances i on i.id = r.id
                    where i.owner = p_owner and i.fence = r.fence for no key update of i);
  else
    v_ids := array(select i.id from json_to_recordset(p_records) r (id text, fence integer) join holdfast.sagas_instances i on i.id = r.id
                    where i.owner = p_owner and i.fence = r.fence for no key update of i skip locked);
  end if;
  if p_steps is not null then
    insert into holdfast.sagas_steps (saga, seq, name, kind, ended, outcome, attempts, output, error, started_at, ended_at)
    -- A result that is null is one; none at all is SQL's null, and so is JSON's here.
    select s.id, s.seq, s.name, s.kind, s.ended, s.outcome, s.attempts, coalesce(s.output, s.result), s.error, to_timestamp(s.at / 1000),
           to_timestamp(s.till / 1000)
      from (select r.*, case when r.nil then 'null'::jsonb end as result
              from json_to_recordset(p_steps) r (id text, seq integer, name text, kind text, ended integer, outcome text, attempts integer,
                                                 output jsonb, nil boolean, error jsonb, at float8, till float8)) s
     where s.id = any(v_ids)
    on conflict do nothing;
  end if;
  if p_undone is not null then
    update holdfast.sagas_steps t
       set undo = u.undo, undo_attempts = u.attempts, undo_error = u.error, undone_at = case when u.undo = 'done' then v_now end
      from json_to_recordset(p_undone) u (id text, seq integer, undo text, attempts integer, error jsonb)
     where u.id = any(v_ids) and t.saga = u.id and t.seq = u.seq and t.undo is distinct from 'skipped';
  end if;
  if p_taken is not null then
    update holdfast.sagas_signals g set taken_by = t.seq
      from json_to_recordset(p_taken) t (id text, signal bigint, seq integer)
     where t.id = any(v_ids) and g.id = t.signal and g.saga = t.id;
  end if;
  return query
    update holdfast.sagas_instances i
       set doing = r.doing,
           -- Somebody sent it a signal that it did not know of when it wanted to rest.
           state = case when r.state = 'waiting' and i.signals <> r.seen then 'running' else r.state end,
           owner = case when r.leaves and not (r.state = 'waiting' and i.signals <> r.seen) then null else i.owner end,
           wake_at = case when r.state = 'waiting' and i.signals <> r.seen then null
                          when i.is_cancelled and not r.undoing and r.wake is not null then v_now
                          else to_timestamp(r.wake / 1000) end,
           is_undoing = r.undoing, is_pivoted = r.pivoted,
           crashes = 0,
           output = coalesce(r.output, i.output),
           -- What it was once stuck with is past.
           error = case when r.state <> 'done' then coalesce(r.error, i.error) end,
           finished_at = case when r.state in ('done', 'compensated') then v_now end
      from json_to_recordset(p_records) r (id text, doing jsonb, state text, leaves boolean, seen integer, wake float8, undoing boolean,
                                           pivoted boolean, output jsonb, error jsonb)
     where i.id = r.id and i.id = any(v_ids)
    returning i.id, i.signals, i.is_cancelled, i.owner is null;
end $$;

-- The same for one saga, in the transaction of a step's own SQL and sent with its COMMIT. Raises HF041 for one that is not
-- this owner's any more: a statement that matches no row would let the user's SQL commit.
create function holdfast.sagas_record(
  p_owner bigint, p_records json, p_steps json, p_undone json, p_taken json
) returns table (id text, signals integer, is_cancelled boolean, is_parked boolean)
language plpgsql as $$
#variable_conflict use_column
begin
  return query select * from holdfast.sagas_write(p_owner, p_records, p_steps, p_undone, p_taken, true);
  if not found then raise exception 'the saga is in other hands' using errcode = 'HF041'; end if;
end $$;

-- What a process needs to go on with these sagas of its own: their rows, what has ended, and the signals nobody took.
create function holdfast.sagas_load(p_owner bigint, p_ids text[])
returns table (id text, kind smallint, fence integer, state text, is_undoing boolean, is_pivoted boolean, is_cancelled boolean, crashes smallint,
               signals integer, doing jsonb, input jsonb, error jsonb, ends_by float8, steps json, waiting json)
language sql stable as $$
  select i.id, i.kind, i.fence, i.state, i.is_undoing, i.is_pivoted, i.is_cancelled, i.crashes, i.signals, i.doing, i.input, i.error,
         extract(epoch from i.ends_by)::float8 * 1000,
         (select json_agg(json_build_object('seq', s.seq, 'name', s.name, 'kind', s.kind, 'ended', s.ended, 'outcome', s.outcome, 'output', s.output,
                 'isVoid', s.output is null, 'error', s.error, 'undo', s.undo, 'undoAttempts', s.undo_attempts) order by s.seq)
            from holdfast.sagas_steps s where s.saga = i.id),
         (select json_agg(json_build_object('id', g.id::text, 'event', g.event, 'payload', g.payload) order by g.id)
            from holdfast.sagas_signals g where g.saga = i.id and g.taken_by is null)
    from holdfast.sagas_instances i where i.id = any(p_ids) and i.owner = p_owner
$$;

-- Takes sagas that are due, of these kinds. Their history is read after they are locked: what a statement sees of other
-- tables is older than the row that its lock gave it.
create function holdfast.sagas_claim(p_owner bigint, p_kinds smallint[], p_most integer)
returns table (id text, kind smallint, fence integer, state text, is_undoing boolean, is_pivoted boolean, is_cancelled boolean, crashes smallint,
               signals integer, doing jsonb, input jsonb, error jsonb, ends_by float8, steps json, waiting json)
language plpgsql
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_ids text[];
  -- A variable is compared with the index; a clock that goes on is asked anew for each of a million parked rows.
  v_now timestamptz := clock_timestamp();
begin
  perform from holdfast.sagas_workers w where w.id = p_owner for key share;
  if not found then raise exception 'worker % is gone', p_owner using errcode = 'HF042'; end if;
  v_ids := array(
    select d.id from unnest(p_kinds) k (kind) cross join lateral (
      select i.id from holdfast.sagas_instances i
       where i.kind = k.kind and i.owner is null and i.wake_at is not null and i.wake_at <= v_now
       order by i.wake_at limit p_most for no key update skip locked) d
     limit p_most);
  if cardinality(v_ids) = 0 then return; end if;
  update holdfast.sagas_instances i
     set owner = p_owner, fence = i.fence + 1, wake_at = null,
         state = case when i.is_undoing then 'compensating' else 'running' end
   where i.id = any(v_ids);
  return query select * from holdfast.sagas_load(p_owner, v_ids);
end $$;

-- Hands on the sagas of workers that have not been seen for their lease; gives how many sagas.
create function holdfast.sagas_hand_on() returns integer
language plpgsql as $$
declare
  v_worker bigint;
  v_done integer := 0;
  v_more integer;
begin
  for v_worker in
    select w.id from holdfast.sagas_workers w where w.seen_at + w.lease_ms * interval '1 millisecond' < clock_timestamp()
     order by w.id for update skip locked
  loop
    update holdfast.sagas_instances i set owner = null, wake_at = clock_timestamp(), crashes = least(i.crashes + 1, 30000) where i.owner = v_worker;
    get diagnostics v_more = row_count;
    v_done := v_done + v_more;
    delete from holdfast.sagas_workers w where w.id = v_worker;
  end loop;
  return v_done;
end $$;

-- A worker lives. Gives the database's clock, the ids of its sagas, and those that somebody wants to end; all null: its row
-- is gone. What it does not know of was given to it in an answer that it never got.
create function holdfast.sagas_beat(p_owner bigint, out now_ms float8, out owned text[], out cancelled text[])
language plpgsql as $$
begin
  update holdfast.sagas_workers w set seen_at = clock_timestamp() where w.id = p_owner;
  if not found then return; end if;
  now_ms := extract(epoch from clock_timestamp()) * 1000;
  select coalesce(array_agg(i.id), '{}'), coalesce(array_agg(i.id) filter (where i.is_cancelled and not i.is_undoing), '{}')
    into owned, cancelled from holdfast.sagas_instances i where i.owner = p_owner;
end $$;

create function holdfast.sagas_leave(p_owner bigint) returns integer
language plpgsql as $$
declare
  v_done integer;
begin
  perform from holdfast.sagas_workers w where w.id = p_owner for update;
  update holdfast.sagas_instances i set owner = null, wake_at = clock_timestamp() where i.owner = p_owner;
  get diagnostics v_done = row_count;
  delete from holdfast.sagas_workers w where w.id = p_owner;
  return v_done;
end $$;

-- Keeps a signal, and wakes the saga if it waits for one of this kind. Gives the saga's state; null: there is none. With a
-- key the same signal may be sent again. The row of the saga is locked to the commit: send it last.
create function holdfast.sagas_signal(p_id text, p_event text, p_payload jsonb, p_key text, out state text, out is_new boolean)
language plpgsql as $$
begin
  select i.state into state from holdfast.sagas_instances i where i.id = p_id for no key update;
  is_new := false;
  if not found or state in ('done', 'compensated') then return; end if;
  insert into holdfast.sagas_signals (saga, event, key, payload) values (p_id, p_event, p_key, p_payload) on conflict do nothing;
  if not found then return; end if;
  is_new := true;
  update holdfast.sagas_instances i
     set signals = i.signals + 1,
         wake_at = case when i.owner is null and i.state = 'waiting'
                         and i.doing @> jsonb_build_array(jsonb_build_object('kind', 'wait', 'name', p_event))
                        then least(i.wake_at, clock_timestamp()) else i.wake_at end
   where i.id = p_id;
end $$;

-- Wants a saga to be undone. Gives what came of it: asked, undoing already, pivoted (it can only go on), ended, or null: there
-- is none.
create function holdfast.sagas_cancel(p_id text, p_reason text, p_actor text) returns text
language plpgsql as $$
declare
  v_saga holdfast.sagas_instances;
begin
  select i.* into v_saga from holdfast.sagas_instances i where i.id = p_id for no key update;
  if not found then return null; end if;
  if v_saga.finished_at is not null then return 'ended'; end if;
  if v_saga.is_pivoted then return 'pivoted'; end if;
  if v_saga.is_undoing then return 'undoing'; end if;
  if v_saga.is_cancelled and v_saga.state <> 'stuck' then return 'asked'; end if;
  insert into holdfast.sagas_actions (saga, action, reason, actor) values (p_id, 'cancel', p_reason, p_actor);
  update holdfast.sagas_instances i
     set is_cancelled = true,
         wake_at = case when i.owner is null then clock_timestamp() end,
         state = case when i.state = 'stuck' then 'running' else i.state end
   where i.id = p_id;
  return 'asked';
end $$;

-- A stuck saga goes on where it stood. False: it is not stuck; null: there is none.
create function holdfast.sagas_retry(p_id text, p_reason text, p_actor text) returns boolean
language plpgsql as $$
begin
  update holdfast.sagas_instances i
     set state = case when i.is_undoing then 'compensating' else 'running' end, wake_at = clock_timestamp(), crashes = 0,
         -- All its time anew: else one that took too long would be stuck again at once.
         ends_by = greatest(i.ends_by, clock_timestamp() + (i.ends_by - i.started_at))
   where i.id = p_id and i.state = 'stuck';
  if found then
    update holdfast.sagas_steps s set undo_attempts = 0 where s.saga = p_id and s.undo = 'failing';
    insert into holdfast.sagas_actions (saga, action, reason, actor) values (p_id, 'retry', p_reason, p_actor);
    return true;
  end if;
  perform from holdfast.sagas_instances i where i.id = p_id;
  return case when found then false end;
end $$;

-- The undoing of a step is given up for good: a person has seen to it. Gives what came of it: skipped, or why not.
create function holdfast.sagas_skip_undo(p_id text, p_step text, p_reason text, p_actor text) returns text
language plpgsql as $$
declare
  v_saga holdfast.sagas_instances;
begin
  select i.* into v_saga from holdfast.sagas_instances i where i.id = p_id for no key update;
  if not found then return null; end if;
  if v_saga.state <> 'stuck' or not v_saga.is_undoing then return 'not-stuck'; end if;
  update holdfast.sagas_steps s set undo = 'skipped', undone_at = clock_timestamp()
   where s.saga = p_id and s.name = p_step and s.undo is distinct from 'done' and s.undo is distinct from 'skipped';
  if not found then return 'no-step'; end if;
  insert into holdfast.sagas_actions (saga, action, step, reason, actor) values (p_id, 'skip-undo', p_step, p_reason, p_actor);
  update holdfast.sagas_instances i set state = 'compensating', wake_at = clock_timestamp(), crashes = 0 where i.id = p_id;
  return 'skipped';
end $$;

-- Deletes what ended longer ago than its kind keeps; gives how many.
create function holdfast.sagas_prune(p_most integer) returns integer
language plpgsql
set enable_seqscan = off
as $$
declare
  v_ids text[];
  v_now timestamptz := clock_timestamp();
begin
  v_ids := array(
    select d.id from holdfast.sagas_kinds k cross join lateral (
      select i.id from holdfast.sagas_instances i
       where i.kind = k.id and i.finished_at is not null and i.finished_at <= v_now - k.keep_ms * interval '1 millisecond'
       order by i.finished_at limit p_most for update skip locked) d
     limit p_most);
  if cardinality(v_ids) = 0 then return 0; end if;
  delete from holdfast.sagas_steps s where s.saga = any(v_ids);
  delete from holdfast.sagas_signals g where g.saga = any(v_ids);
  delete from holdfast.sagas_actions a where a.saga = any(v_ids);
  delete from holdfast.sagas_instances i where i.id = any(v_ids);
  return cardinality(v_ids);
end $$;
