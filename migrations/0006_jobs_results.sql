-- What outlives a run: its result, its progress and checkpoints while it lasts, and the wish that it end. Jobs that use
-- none of it never touch these tables: the functions here stand beside those of 0004 and call them.
-- class: expand

create table holdfast.jobs_keeps (
  queue        smallint primary key,
  keep_ms      bigint not null check (keep_ms > 0)
);
comment on table holdfast.jobs_keeps is 'Queues whose finished runs are kept, and for how long. Those that keep nothing have no row.';

create table holdfast.jobs_results (
  id           bigint primary key,
  queue        smallint not null,
  priority     smallint not null,
  outcome      text not null check (outcome in ('succeeded', 'dead', 'cancelled')),
  attempts     smallint not null,
  sent_at      timestamptz not null,
  finished_at  timestamptz not null default now(),
  expires_at   timestamptz not null,
  key          text,
  unique_key   text,
  errors       jsonb,
  progress     jsonb,
  body         jsonb not null,
  result       jsonb,
  redriven_as  bigint
);
create index jobs_results_expiry on holdfast.jobs_results (expires_at);
create index jobs_results_queue on holdfast.jobs_results (queue, id);
comment on table holdfast.jobs_results is 'Finished runs of queues that keep them. Written with the completion, deleted after expires_at.';
comment on column holdfast.jobs_results.redriven_as is 'The run that this one was sent again as; it is not sent a second time.';

create table holdfast.jobs_progress (
  job_id       bigint primary key,
  run          bigint not null,
  done         float8,
  total        float8,
  note         text,
  checkpoint   jsonb,
  at           timestamptz not null default now()
) with (fillfactor = 70);
create index jobs_progress_at on holdfast.jobs_progress (at);
comment on table holdfast.jobs_progress is 'Progress and checkpoint of jobs that report any, until they have ended.';
comment on column holdfast.jobs_progress.run is 'Row of jobs_ready in whose name it was last written. Each new run of a job has a higher one: an older run can write nothing here once a newer one has.';

create table holdfast.jobs_cancels (
  job_id       bigint primary key,
  asked_at     timestamptz not null default now()
);
comment on table holdfast.jobs_cancels is 'Jobs that were running when somebody wanted them to end.';

-- The last definition that a process made known decides. A queue that keeps nothing any more loses its row.
create function holdfast.jobs_set_keeps(p_queue smallint[], p_keep_ms bigint[]) returns void
language sql as $$
  delete from holdfast.jobs_keeps k using unnest(p_queue, p_keep_ms) u (queue, keep_ms)
   where k.queue = u.queue and u.keep_ms = 0;
  insert into holdfast.jobs_keeps as k (queue, keep_ms)
  select u.queue, u.keep_ms from unnest(p_queue, p_keep_ms) u (queue, keep_ms) where u.keep_ms > 0 order by u.queue
  on conflict (queue) do update set keep_ms = excluded.keep_ms where k.keep_ms <> excluded.keep_ms;
$$;

-- Ends runs whose end leaves something: their rows in jobs_results, where the queue keeps them; what they noted goes.
-- One call, so one transaction with the completion, and fenced like it: only jobs in claims that the worker still holds
-- are looked at, and those claims stay locked until the commit. Gives how many were still the worker's.
create function holdfast.jobs_conclude(
  p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[], p_outcome text, p_result text[], p_ended bigint[]
) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_mine bigint[] := holdfast.jobs_hold_claims(p_worker, p_lane, p_cid);
begin
  with held as materialized (
    select r.*, coalesce(r.origin, r.id) as job_id, u.result
      from unnest(p_id, p_cid, p_result) u (id, cid, result)
      -- The limit fixes the order: by each id, never over all rows of the lane, whatever the statistics say.
      cross join lateral (
        select r.* from holdfast.jobs_ready r where r.slot = (u.id >> 16) & 7 and r.lane = p_lane and r.id = u.id limit 1) r
     where u.cid = any(v_mine)),
  noted as (
    delete from holdfast.jobs_progress p where p.job_id = any(array(select h.job_id from held h))
    returning p.job_id, case when p.done is not null then json_build_object('done', p.done, 'total', p.total, 'note', p.note) end as progress),
  asked as (delete from holdfast.jobs_cancels c where c.job_id = any(array(select h.job_id from held h)))
  insert into holdfast.jobs_results as k (
    id, queue, priority, outcome, attempts, sent_at, expires_at, key, unique_key, errors, progress, body, result)
  select h.job_id, h.lane >> 2, h.lane & 3, p_outcome, h.attempt, h.at, now() + s.keep_ms * interval '1 millisecond',
         h.key, h.unique_key, h.errors, n.progress, holdfast.jobs_read_body(h.body), h.result::jsonb
    from held h
    join holdfast.jobs_keeps s on s.queue = h.lane >> 2
    left join noted n on n.job_id = h.job_id
  on conflict (id) do update set outcome = excluded.outcome, attempts = excluded.attempts, finished_at = excluded.finished_at,
    expires_at = excluded.expires_at, errors = excluded.errors, progress = excluded.progress, result = excluded.result,
    redriven_as = null;
  return holdfast.jobs_complete(p_worker, p_lane, p_id, p_id, p_cid, p_ended, true);
end $$;

-- The same at the end of a transaction in which jobs did their work: raises unless every one is still the worker's.
create function holdfast.jobs_conclude_in_tx(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[], p_result text[]) returns void
language plpgsql as $$
begin
  if holdfast.jobs_conclude(p_worker, p_lane, p_id, p_cid, 'succeeded', p_result, '{}') <> cardinality(p_id) then
    raise exception 'jobs of worker % were handed to another one', p_worker using errcode = 'HF002';
  end if;
end $$;

-- A job can die in several ways (its last attempt, its worker's crash): each ends in jobs_dead, so it is kept from there.
-- What it noted stays: redriven, it goes on from its checkpoint. The wish that it end is fulfilled.
create function holdfast.jobs_keep_dead() returns trigger
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
begin
  if exists (select from holdfast.jobs_cancels) then
    delete from holdfast.jobs_cancels c using died d where c.job_id = d.id;
  end if;
  if not exists (select from holdfast.jobs_keeps) then return null; end if;
  insert into holdfast.jobs_results as k (
    id, queue, priority, outcome, attempts, sent_at, finished_at, expires_at, key, unique_key, errors, body)
  select d.id, d.queue, d.priority, 'dead', d.attempts, coalesce(d.sent_at, d.died_at), d.died_at,
         d.died_at + s.keep_ms * interval '1 millisecond', d.key, d.unique_key, d.errors, d.body
    from died d join holdfast.jobs_keeps s on s.queue = d.queue
  on conflict (id) do update set outcome = excluded.outcome, attempts = excluded.attempts, finished_at = excluded.finished_at,
    expires_at = excluded.expires_at, errors = excluded.errors, progress = null, result = null, redriven_as = null;
  return null;
end $$;

create trigger jobs_dead_kept after insert on holdfast.jobs_dead
  referencing new table as died for each statement execute function holdfast.jobs_keep_dead();

-- Writes in the name of a run, if it is still this worker's: its row and its claim are looked at in the same statement.
-- Whoever writes takes the row over (see jobs_progress.run) and so waits for a transaction in which an older run of the
-- job saved: its work and its checkpoint are seen together, or neither is. Gives null when the run is not the worker's
-- any more, else the checkpoint, whether there is one, and whether somebody wants the job to end.
create function holdfast.jobs_note(
  p_worker bigint, p_lane integer, p_id bigint, p_cid bigint, p_job bigint, p_checkpoint text default null, p_progress float8[] default null, p_note text default null
) returns table (checkpoint jsonb, is_asked boolean)
language sql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
  insert into holdfast.jobs_progress as p (job_id, run, done, total, note, checkpoint)
  select p_job, p_id, p_progress[1], p_progress[2], p_note, p_checkpoint::jsonb
    from holdfast.jobs_ready r
    join holdfast.jobs_claims c on c.lane = p_lane and c.cid = p_cid and c.worker = p_worker
   where r.slot = (p_id >> 16) & 7 and r.lane = p_lane and r.id = p_id
  on conflict (job_id) do update set run = excluded.run, at = excluded.at,
    done = case when p_progress is null then p.done else excluded.done end,
    total = case when p_progress is null then p.total else excluded.total end,
    note = case when p_progress is null then p.note else excluded.note end,
    checkpoint = coalesce(excluded.checkpoint, p.checkpoint)
   where p.run <= excluded.run
  returning p.checkpoint, exists (select from holdfast.jobs_cancels k where k.job_id = p.job_id)
$$;

-- Takes out a job that waits, asks for the end of one that runs. 'cancelled', 'asked' or null: there is none.
create function holdfast.jobs_stop(p_id bigint) returns text
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_job record;
begin
  -- A job that moves between two looks is found by the next round.
  for v_try in 1 .. 5 loop
    select f.* into v_job from (
      select r.lane, r.attempt, r.at, r.key, r.unique_key, r.errors, r.body, true as is_ready from holdfast.jobs_ready r
       where r.slot = (p_id >> 16) & 7 and r.lane = any(array(select l.lane from holdfast.jobs_lanes l)) and r.id = p_id
      union all
      select r.lane, r.attempt, r.at, r.key, r.unique_key, r.errors, r.body, true from holdfast.jobs_ready r where r.origin = p_id
      union all
      select l.lane, l.attempt, l.at, l.key, l.unique_key, l.errors, l.body, false from holdfast.jobs_later l where l.id = p_id
      union all
      select w.lane, w.attempt, w.at, w.key, w.unique_key, w.errors, w.body, false
        from holdfast.jobs_waiting w where w.id = p_id) f;
    if not found then return null; end if;
    if holdfast.jobs_cancel(p_id) then
      delete from holdfast.jobs_progress p where p.job_id = p_id;
      delete from holdfast.jobs_cancels c where c.job_id = p_id;
      insert into holdfast.jobs_results as k (
        id, queue, priority, outcome, attempts, sent_at, expires_at, key, unique_key, errors, body)
      select p_id, v_job.lane >> 2, v_job.lane & 3, 'cancelled', v_job.attempt - 1, v_job.at,
             now() + s.keep_ms * interval '1 millisecond', v_job.key, v_job.unique_key, v_job.errors, holdfast.jobs_read_body(v_job.body)
        from holdfast.jobs_keeps s where s.queue = v_job.lane >> 2
      on conflict (id) do update set outcome = excluded.outcome, attempts = excluded.attempts, finished_at = excluded.finished_at,
        expires_at = excluded.expires_at, errors = excluded.errors, progress = null, result = null, redriven_as = null;
      return 'cancelled';
    end if;
    if v_job.is_ready then
      insert into holdfast.jobs_cancels (job_id) values (p_id) on conflict do nothing;
      return 'asked';
    end if;
  end loop;
  return null;
end $$;

-- Wishes that are still open: a job that was handed back meanwhile is taken out, one that has ended is forgotten, and the
-- ids of the others, which run, are given back so that their workers hear of it where no notification arrives.
create function holdfast.jobs_pursue_cancels(p_most integer) returns bigint[]
language plpgsql as $$
declare
  v_id bigint;
  v_answer text;
  v_running bigint[] := '{}';
begin
  for v_id in select c.job_id from holdfast.jobs_cancels c order by c.job_id limit p_most loop
    v_answer := holdfast.jobs_stop(v_id);
    if v_answer = 'asked' then v_running := v_running || v_id;
    elsif v_answer is null then delete from holdfast.jobs_cancels c where c.job_id = v_id;
    end if;
  end loop;
  return v_running;
end $$;

-- Deletes what has expired, by an index and so many at most; any number of workers may do it side by side.
create function holdfast.jobs_forget(p_most integer) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
declare
  v_gone integer;
begin
  perform from holdfast.jobs_results k where k.expires_at <= now() limit 1;
  if not found then return 0; end if;
  delete from holdfast.jobs_results where ctid = any(array(
    select k.ctid from holdfast.jobs_results k where k.expires_at <= now() order by k.expires_at limit p_most for update skip locked));
  get diagnostics v_gone = row_count;
  return v_gone;
end $$;

-- Deletes what was noted by jobs that are nowhere any more: they ended without those who end them knowing of the notes.
-- Looks at p_most rows from p_from on and gives where to go on, so that rows of living jobs do not stand in the way of
-- later ones; null: that was the end. One statement, so one snapshot: a job that moves is seen in exactly one place.
create function holdfast.jobs_sweep_progress(p_from timestamptz, p_most integer) returns timestamptz
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_looked integer;
  v_last timestamptz;
begin
  -- The minute spares looking for jobs that have just written.
  with old as materialized (
    select p.job_id, p.at from holdfast.jobs_progress p
     where p.at > p_from and p.at < now() - interval '1 minute' order by p.at limit p_most for update skip locked),
  gone as (
    delete from holdfast.jobs_progress p using old o
     where p.job_id = o.job_id
       and not exists (select from holdfast.jobs_ready r where r.slot = (o.job_id >> 16) & 7
                          and r.lane = any(array(select l.lane from holdfast.jobs_lanes l)) and r.id = o.job_id)
       and not exists (select from holdfast.jobs_ready r where r.origin = o.job_id)
       and not exists (select from holdfast.jobs_later l where l.id = o.job_id)
       and not exists (select from holdfast.jobs_waiting w where w.id = o.job_id)
       and not exists (select from holdfast.jobs_dead d where d.id = o.job_id))
  select count(*), max(o.at) into v_looked, v_last from old o;
  return case when v_looked = p_most then v_last end;
end $$;
