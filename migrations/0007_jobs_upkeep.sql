-- What workers do for the queue beside their jobs. Each may be called by any number of them at once, and by none for a
-- while; nobody leads. Part of the protocol of 0004.
-- class: expand

-- Moves what is due from jobs_later to its lanes. p_from: everything before it was moved already, as far as the caller knows.
create function holdfast.jobs_promote(p_from timestamptz, p_most integer)
returns table (amount integer, lanes integer[])
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
begin
  perform from holdfast.jobs_later l where l.run_at >= p_from and l.run_at <= now() limit 1;
  if not found then return query select 0, '{}'::integer[]; return; end if;
  perform pg_current_xact_id();
  return query
  with due as (
    delete from holdfast.jobs_later where ctid = any(array(
      select l.ctid from holdfast.jobs_later l where l.run_at >= p_from and l.run_at <= now()
       order by l.run_at, l.id limit p_most for update skip locked))
    returning *),
  fresh as materialized (select nextval('holdfast.jobs_ids') as new_id, d.* from due d),
  moved as (
    insert into holdfast.jobs_ready (slot, lane, id, origin, attempt, crashes, at, key, unique_key, errors, body)
    select (f.new_id >> 16) & 7, f.lane, f.new_id, f.id, f.attempt, f.crashes, f.at, f.key, f.unique_key, f.errors, f.body from fresh f)
  select count(*)::integer, coalesce(array_agg(distinct d.lane), '{}') from due d;
end $$;

-- Declares a worker gone and hands its jobs on. Only when its lease has lapsed or, with p_session_ended, when the caller
-- holds its advisory lock. A job that was in its hands for the first time in a crash only becomes suspect; a suspect one
-- whose start was written down has used up an attempt.
create function holdfast.jobs_reap(p_worker bigint, p_session_ended boolean) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_moved integer;
  v_keys text[];
  v_queues integer[];
  v_queue integer;
begin
  perform from holdfast.jobs_workers w
    where w.id = p_worker and (p_session_ended or w.seen_at < now() - w.lease_ms * interval '1 millisecond') for update;
  if not found then return 0; end if;
  delete from holdfast.jobs_workers w where w.id = p_worker;
  perform pg_current_xact_id();
  with held as (
    delete from holdfast.jobs_claims c where c.worker = p_worker returning c.lane, c.ids, c.started),
  gone as materialized (
    select t.*, t.crashes > 0 and t.id = any(h.started) as counts
      from held h, holdfast.jobs_take(h.lane, array(
        select generate_series(lower(run), upper(run) - 1) from unnest(h.ids) run)) t),
  judged as materialized (
    select nextval('holdfast.jobs_ids') as new_id, g.*, g.attempt + g.counts::integer as next_attempt,
           g.counts and g.attempt >= q.attempts as is_dead,
           case when g.counts then coalesce(g.errors, '[]') || jsonb_build_object('attempt', g.attempt, 'at', now(), 'name', 'HF_JOBS_CRASHED', 'message', 'The worker ended while it ran this job.') else g.errors end as history
      from gone g join holdfast.jobs_queues q on q.id = g.lane >> 2),
  back as (
    insert into holdfast.jobs_ready (slot, lane, id, origin, attempt, crashes, at, key, unique_key, errors, body)
    select (j.new_id >> 16) & 7, j.lane, j.new_id, coalesce(j.origin, j.id), j.next_attempt, j.crashes + 1, j.at, null, j.unique_key, j.history, j.body
      from judged j where not j.is_dead and j.key is null),
  -- One of a key joins those that wait, where it is the next of its key.
  waiting as (
    insert into holdfast.jobs_waiting (queue, key, id, lane, is_free, attempt, crashes, at, unique_key, errors, body)
    select j.lane >> 2, j.key, coalesce(j.origin, j.id), j.lane, true, j.next_attempt, j.crashes + 1, j.at, j.unique_key, j.history, j.body
      from judged j where not j.is_dead and j.key is not null),
  dead as (
    insert into holdfast.jobs_dead (id, queue, priority, attempts, sent_at, key, unique_key, errors, body)
    select coalesce(j.origin, j.id), j.lane >> 2, j.lane & 3, j.attempt, j.at, j.key, j.unique_key, j.history, holdfast.jobs_read_body(j.body)
      from judged j where j.is_dead),
  freed as (
    delete from holdfast.jobs_unique k using judged j
     where j.is_dead and j.unique_key is not null and k.queue = j.lane >> 2 and k.key = j.unique_key and k.id = coalesce(j.origin, j.id))
  select count(*), array_agg(j.key) filter (where j.is_dead and j.key is not null), array_agg(j.lane >> 2) filter (where j.is_dead and j.key is not null)
    into v_moved, v_keys, v_queues from judged j;
  for v_queue in select distinct q from unnest(v_queues) q order by q loop
    perform holdfast.jobs_release(v_queue::smallint, array(select k from unnest(v_keys, v_queues) u (k, q) where q = v_queue));
  end loop;
  return v_moved;
end $$;

-- Empties drained slots, the one being written and its neighbours excepted. TRUNCATE waits for no vacuum and works while
-- an old snapshot is open. As the owner: the runtime role may not truncate. Never waits long: everybody else would wait
-- behind it. Gives how many were emptied.
create function holdfast.jobs_trim() returns integer
language plpgsql security definer
set search_path = pg_catalog set lock_timeout = '20ms' set enable_seqscan = on
as $$
declare
  v_head bigint := (select s.last_value from holdfast.jobs_ids s);
  v_table text;
  v_any boolean;
  v_trimmed integer := 0;
begin
  for v_slot in 0 .. 7 loop
    continue when v_slot in ((v_head >> 16) & 7, ((v_head >> 16) + 1) & 7, ((v_head >> 16) + 7) & 7);
    v_table := 'holdfast.jobs_ready_' || v_slot;
    continue when pg_relation_size(v_table::regclass) = 0;
    execute format('select exists (select from %s)', v_table) into v_any;
    continue when v_any;
    begin
      execute format('lock table %s in access exclusive mode', v_table);
      execute format('select exists (select from %s)', v_table) into v_any;
      if not v_any then
        execute format('truncate %s', v_table);
        v_trimmed := v_trimmed + 1;
      end if;
    exception when lock_not_available then null;
    end;
  end loop;
  return v_trimmed;
end $$;
