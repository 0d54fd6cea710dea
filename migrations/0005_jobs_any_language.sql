-- Jobs for workers in any language: claim_jobs, complete_jobs, fail_job, return_jobs, extend_claim, maintain_jobs. They
-- are a thin, stable face on the protocol of 0004, which they call and do not repeat; docs/decisions/0009-any-language.md
-- says why they are cut as they are.
-- A caller keeps no session and no memory: each call may reach another backend, as through PgBouncer. SQLSTATE HF002: the
-- job is not this claim's any more, and the caller's transaction must not be committed.
-- class: expand

-- A claim of claim_jobs is a worker that lives by its lease alone and never renews it by itself: a row in jobs_workers
-- under an id that no other worker has, and that is no key of an advisory lock. A small number given in its place, such
-- as a job's id, is nobody's claim.
create sequence holdfast.jobs_tokens as bigint minvalue 4294967296 cache 1;
comment on sequence holdfast.jobs_tokens is 'Ids of the workers that are claims of claim_jobs: from 2^32 on.';

-- What a Node worker keeps in memory (src/jobs/lane-marks.ts). Written under the lane's lock, once in thousands of jobs. A
-- new version is a new row: the newest is the first of the index, however many dead ones an old snapshot keeps below it.
create table holdfast.jobs_marks (
  lane         integer not null,
  version      bigint not null,
  safe         bigint not null,
  head         bigint not null,
  looked_at    timestamptz not null,
  opened       bigint not null,
  last         bigint,
  stamp        xid8,
  primary key (lane, version)
);
comment on table holdfast.jobs_marks is 'Where claim_jobs begins to look. safe: no job can appear below it; head: none was seen below it at looked_at; opened: claims below are closed.';
comment on column holdfast.jobs_marks.stamp is 'Whoever owns an id up to last is older than this transaction: when all older ones have ended, safe may move up to last.';

create table holdfast.jobs_upkeep (
  at           timestamptz primary key,
  full_at      timestamptz not null
);
comment on table holdfast.jobs_upkeep is 'When a claim_jobs last did what Node workers do beside their jobs. The newest row counts, as in jobs_marks.';

create table holdfast.jobs_outcomes (
  queue        smallint not null,
  minute       timestamptz not null,
  succeeded    bigint not null default 0,
  failed       bigint not null default 0,
  died         bigint not null default 0
);
comment on table holdfast.jobs_outcomes is 'Counted by complete_jobs and fail_job, and not yet added to jobs_counts: adding there would let transactions of the same queue wait for each other.';

-- Adds to jobs_counts what is over for a minute, or all of it. The former is safe in a transaction that stays open: no
-- Node worker writes to those rows any more. One at a time, and nobody waits for it.
create function holdfast.jobs_count_outcomes(p_all boolean) returns void
language plpgsql
set search_path = pg_catalog
as $$
begin
  -- 1751542392 follows the first key of the workers' locks.
  if not pg_try_advisory_xact_lock(1751542392, 1) then return; end if;
  with gone as (
    delete from holdfast.jobs_outcomes o where p_all or o.minute < now() - interval '2 minutes' returning o.*)
  insert into holdfast.jobs_counts as c (queue, minute, succeeded, failed, died)
  select g.queue, g.minute, sum(g.succeeded), sum(g.failed), sum(g.died) from gone g group by g.queue, g.minute order by 1, 2
  on conflict (queue, minute) do update set succeeded = c.succeeded + excluded.succeeded,
    failed = c.failed + excluded.failed, died = c.died + excluded.died;
end $$;

-- Hands on the jobs of workers whose lease has lapsed, whichever language they are in, and readies what is due: once a
-- second for all callers together. What others have locked is left to them, as the caller's transaction may stay open.
create function holdfast.jobs_do_upkeep() returns void
language plpgsql
set search_path = pg_catalog set enable_sort = off set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_at timestamptz;
  v_full_at timestamptz;
  v_worker bigint;
  v_promoted integer;
begin
  select u.at, u.full_at into v_at, v_full_at from holdfast.jobs_upkeep u order by u.at desc limit 1;
  if v_at > v_now - interval '1 second' and v_at <= v_now then return; end if;
  for v_worker in
    select w.id from holdfast.jobs_workers w
     where w.seen_at < now() - w.lease_ms * interval '1 millisecond' for update skip locked
  loop
    perform holdfast.jobs_reap(v_worker, false);
  end loop;
  -- From the start only now and then: an old snapshot keeps the rows of all that was ever delayed. A transaction that was
  -- slow to commit may bring one whose time is past.
  if v_full_at > v_now - interval '10 seconds' and v_full_at <= v_now then
    select p.amount into v_promoted from holdfast.jobs_promote(now() - interval '1 minute', 2000) p;
  else
    select p.amount into v_promoted from holdfast.jobs_promote('-infinity', 2000) p;
    v_full_at := v_now;
  end if;
  perform holdfast.jobs_count_outcomes(false);
  -- More is due: the next call goes on with it.
  if v_promoted = 2000 then return; end if;
  insert into holdfast.jobs_upkeep (at, full_at) values (v_now, v_full_at) on conflict do nothing;
  delete from holdfast.jobs_upkeep where at = any(array(select u.at from holdfast.jobs_upkeep u where u.at = v_at for update skip locked));
end $$;

-- Rows of these runs of ids. The offset keeps the planner from joining: a plan that was made when the lane was short would
-- read all of it for each claim.
create function holdfast.jobs_read_runs(p_lane integer, p_ids int8multirange) returns setof holdfast.jobs_ready
language sql stable
set search_path = pg_catalog set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
  select r.* from unnest(p_ids) run
   cross join lateral (select k.* from holdfast.jobs_ready k where k.lane = p_lane and k.id >= lower(run) and k.id < upper(run) offset 0) r
$$;

-- Keeps of a claim just made, which nobody else has seen yet, the jobs before the first suspect, or that one alone: it may
-- be what ended its worker. Its start is written down, because claiming is all that this face hears of it. So a job that
-- ends every worker uses up its attempts, and none that was claimed along with it.
create function holdfast.jobs_part_suspects(p_claim bigint, p_lane integer, p_cid bigint, inout amount integer, out has_suspect boolean)
language plpgsql
set search_path = pg_catalog set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_ids int8multirange;
  v_kept int8multirange;
  v_suspect bigint;
  v_left bigint[];
begin
  select c.ids into v_ids from holdfast.jobs_claims c where c.lane = p_lane and c.cid = p_cid;
  select min(r.id) into v_suspect from holdfast.jobs_read_runs(p_lane, v_ids) r where r.crashes > 0;
  has_suspect := v_suspect is not null;
  if not has_suspect then return; end if;
  v_kept := v_ids * int8multirange(int8range(null, v_suspect));
  if isempty(v_kept) then v_kept := int8multirange(int8range(v_suspect, v_suspect + 1)); end if;
  update holdfast.jobs_claims c set ids = v_kept, started = case when v_kept @> v_suspect then array[v_suspect] else '{}' end
   where c.lane = p_lane and c.cid = p_cid;
  -- The others were never claimed.
  select array_agg(r.id) into v_left from holdfast.jobs_read_runs(p_lane, v_ids - v_kept) r;
  if v_left is null then return; end if;
  amount := amount - holdfast.jobs_return(p_claim, p_lane, v_left, array_fill(p_cid, array[cardinality(v_left)]));
end $$;

-- Claims up to p_most jobs of one lane in the name of p_claim, which is made when there is something to claim: a look at
-- an idle lane writes nothing. p_drawn: the last id that was given out.
--
-- p_settled: an id that had been given out before this transaction had an id of its own; null: unknown, as it had one
-- from the start. Whoever owns an id up to p_settled took their transaction's id first, so they are older than this
-- transaction, and once every older one has ended, nothing can appear there any more: the rule of lane-marks.ts, with the
-- sequence in place of a row that was seen.
--
-- As there, the mark is a hint. While one long writer holds it back, the walk over what is done grows with every job; so
-- for a second after such a walk claims begin where it ended, and what is committed late below is found by the next one.
create function holdfast.jobs_claim_lane(
  inout p_claim bigint, p_lane integer, p_most integer, p_lease_ms integer, p_drawn bigint, p_settled bigint,
  out amount integer, out is_busy boolean, out has_suspect boolean
)
language plpgsql
set search_path = pg_catalog set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
  c_step constant bigint := 4096;
  m holdfast.jobs_marks;
  v_now timestamptz := clock_timestamp();
  v_xmin xid8;
  v_first bigint;
  v_from bigint;
  v_got record;
  v_version bigint;
begin
  amount := 0; is_busy := false; has_suspect := false;
  select k.* into m from holdfast.jobs_marks k where k.lane = p_lane order by k.version desc limit 1;
  v_version := coalesce(m.version, 0);
  m.safe := coalesce(m.safe, 0); m.head := coalesce(m.head, 0); m.opened := coalesce(m.opened, 0);
  v_from := case when m.looked_at > v_now - interval '1 second' and m.looked_at <= v_now then greatest(m.head, m.safe) else m.safe end;
  v_xmin := pg_snapshot_xmin(pg_current_snapshot());
  v_first := holdfast.jobs_find_mark(p_lane, v_from, p_drawn, m.opened);

  if v_first <= p_drawn or exists (select from holdfast.jobs_waiting w where w.lane = p_lane and w.is_free) then
    perform from holdfast.jobs_lanes l where l.lane = p_lane for update skip locked;
    if not found then is_busy := true; return; end if;
    if p_claim is null then
      insert into holdfast.jobs_workers (id, instance, lease_ms, seen_at) overriding system value
        values (nextval('holdfast.jobs_tokens'), concat_ws(' ', 'claim_jobs', host(inet_client_addr()), nullif(current_setting('application_name'), '')), p_lease_ms, v_now)
        returning id into p_claim;
    end if;
    select k.cid, k.amount, k.opened into v_got from holdfast.jobs_claim(p_claim, array[p_lane], array[v_first], array[m.opened], p_most) k;
    is_busy := not found;
    if v_got.amount > 0 then
      m.opened := v_got.opened;
      select s.amount, s.has_suspect into amount, has_suspect from holdfast.jobs_part_suspects(p_claim, p_lane, v_got.cid, v_got.amount) s;
    end if;
  end if;

  if p_settled is null or v_from <> m.safe then return; end if;
  -- Written once in thousands of jobs, or once a second behind a long writer: each version of a mark becomes a dead row.
  if not (coalesce(m.stamp <= v_xmin, p_settled - m.safe >= c_step) or v_first - m.safe >= 4 * c_step) then return; end if;
  perform from holdfast.jobs_lanes l where l.lane = p_lane for update skip locked;
  if not found or v_version <> coalesce((select max(k.version) from holdfast.jobs_marks k where k.lane = p_lane), 0) then return; end if;
  if m.stamp <= v_xmin then
    m.safe := greatest(m.safe, least(v_first, m.last + 1)); m.stamp := null; m.last := null;
  end if;
  if m.stamp is null and p_settled - m.safe >= c_step then
    m.stamp := pg_current_xact_id(); m.last := p_settled;
  end if;
  if v_first - m.safe >= 4 * c_step then m.head := v_first; m.looked_at := v_now; end if;
  insert into holdfast.jobs_marks (lane, version, safe, head, looked_at, opened, last, stamp)
    values (p_lane, v_version + 1, m.safe, m.head, coalesce(m.looked_at, v_now), m.opened, m.last, m.stamp);
  delete from holdfast.jobs_marks k where k.lane = p_lane and k.version = v_version;
end $$;

-- Claims up to max jobs of a queue for the length of the lease, and gives them; nothing when nothing waits, or when the
-- queue is paused or unknown. Who has not completed them when the lease ends loses them to another one.
--
-- Commit it before the work begins. The claim holds the lock of a lane up to then, and others pass that lane by. In one
-- transaction with the work it is correct all the same: then a rollback undoes the claim, and claims follow one another.
create function holdfast.claim_jobs(queue text, max integer default 10, lease interval default '30 seconds')
returns table (id bigint, name text, payload jsonb, attempt integer, sent_at timestamptz, claim bigint)
language plpgsql
set search_path = pg_catalog set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_variable
declare
  -- Before this transaction has an id: see jobs_claim_lane.
  v_settled bigint := case when pg_current_xact_id_if_assigned() is null then coalesce(pg_sequence_last_value('holdfast.jobs_ids'), 0) end;
  v_commit text := current_setting('synchronous_commit');
  v_lease_ms bigint := extract(epoch from lease) * 1000;
  v_queue smallint;
  v_first integer;
  v_lane integer;
  v_got record;
  v_left integer := max;
  v_is_busy boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'claim_jobs works at isolation level read committed, and this transaction is at %', current_setting('transaction_isolation')
      using errcode = '25001', hint = 'Claim in a transaction of its own. The work and complete_jobs may be in another one, at any level.';
  end if;
  if max is null or max not between 1 and 1000 then
    raise exception 'max is %, it must be from 1 to 1000', max using errcode = '22023';
  end if;
  if v_lease_ms is null or v_lease_ms not between 100 and 86400000 then
    raise exception 'lease is %, it must be from 100 milliseconds to 1 day', lease using errcode = '22023';
  end if;
  select q.id into v_queue from holdfast.jobs_queues q where q.name = queue and not q.is_paused;
  if not found then return; end if;
  perform holdfast.jobs_do_upkeep();

  -- The order of a Node worker's turns, thrown as dice: nobody remembers how often high ones came first.
  v_first := case when random() < 1 / 16.0 then 2 when random() < 0.2 then 1 else 0 end;
  -- Another one is claiming: that takes milliseconds. Without the next look a queue that is full would seem empty.
  for v_try in 1 .. 20 loop
    v_is_busy := false;
    for v_lane in select v_queue * 4 + p from generate_series(0, 2) p order by p <> v_first, p loop
      select c.* into v_got from holdfast.jobs_claim_lane(
        claim, v_lane, v_left, v_lease_ms::integer, coalesce(pg_sequence_last_value('holdfast.jobs_ids'), 0), v_settled) c;
      claim := v_got.p_claim;
      v_left := v_left - v_got.amount;
      v_is_busy := v_is_busy or v_got.is_busy;
      exit when v_left = 0 or v_got.has_suspect;
    end loop;
    exit when v_left < max or not v_is_busy;
    perform pg_sleep(0.005);
  end loop;

  -- The protocol's claims need not outlive a crash of the server. What the caller writes in this transaction may have to.
  perform set_config('synchronous_commit', v_commit, true);
  if claim is null then return; end if;
  if v_left = max then
    delete from holdfast.jobs_workers w where w.id = claim;
    return;
  end if;
  return query
    select coalesce(r.origin, r.id), queue, holdfast.jobs_read_body(r.body), r.attempt::integer, r.at, claim
      from holdfast.jobs_claims c cross join lateral holdfast.jobs_read_runs(c.lane, c.ids) r
     where c.worker = claim
     order by r.lane & 3 <> v_first, r.lane, r.id;
end $$;

-- What a claim still holds of these jobs (null: of all), one row a lane. Raises HF002 unless it holds every one of them:
-- a check that merely gave fewer would let the caller's work be committed.
create function holdfast.jobs_hold(p_claim bigint, p_ids bigint[])
returns table (lane integer, cid bigint, ids bigint[], attempts smallint[], frees boolean)
language plpgsql
set search_path = pg_catalog set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_held bigint[] := '{}';
  v_missing bigint;
  v_got record;
begin
  -- Whoever would hand the jobs on passes this claim by until the caller's transaction has ended.
  perform from holdfast.jobs_workers w where w.id = p_claim and p_claim >= 4294967296 for key share;
  if found then
    for v_got in
      select c.lane, c.cid, array_agg(r.id) as ids, array_agg(r.attempt) as attempts, array_agg(coalesce(r.origin, r.id)) as seen,
             bool_or(r.key is not null) as has_key, bool_or(r.key is not null or r.unique_key is not null) as frees
        from holdfast.jobs_claims c cross join lateral holdfast.jobs_read_runs(c.lane, c.ids) r
       where c.worker = p_claim and (p_ids is null or coalesce(r.origin, r.id) = any(p_ids))
       group by c.lane, c.cid order by c.lane
    loop
      -- Under an older snapshot a job that was parked meanwhile would not be seen, and nobody would ready it.
      if v_got.has_key and current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a job with a key must be ended at isolation level read committed' using errcode = '25001';
      end if;
      lane := v_got.lane; cid := v_got.cid; ids := v_got.ids; attempts := v_got.attempts; frees := v_got.frees;
      v_held := v_held || v_got.seen;
      return next;
    end loop;
  end if;
  select min(u) into v_missing from (select unnest(p_ids) except select unnest(v_held)) missing (u);
  if v_missing is not null or (p_ids is null and v_held = '{}') then
    raise exception 'HF_JOBS_LOST: % not held by claim % any more', coalesce('job ' || v_missing || ' is', 'jobs are'), p_claim
      using errcode = 'HF002', hint = 'Roll back: the lease ended and another worker has the job, or the job has been ended before. A longer lease, or extend_claim, keeps it.';
  end if;
end $$;

-- A claim without jobs goes, and the worker that it was. Two that end its last jobs at once do not see each other: then
-- its lease ends it. What somebody has locked is left for the same reason: waiting for each other would be a deadlock.
create function holdfast.jobs_close_claim(p_claim bigint) returns void
language plpgsql
set search_path = pg_catalog set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_lane integer;
  v_cid bigint;
begin
  for v_lane, v_cid in
    select c.lane, c.cid from holdfast.jobs_claims c
     where c.worker = p_claim and not exists (select from holdfast.jobs_read_runs(c.lane, c.ids))
     for update of c skip locked
  loop
    perform holdfast.jobs_complete(p_claim, v_lane, '{}', '{}', '{}', array[v_cid], false);
  end loop;
  perform from holdfast.jobs_claims c where c.worker = p_claim limit 1;
  if found then return; end if;
  delete from holdfast.jobs_workers w where w.id = any(array(select k.id from holdfast.jobs_workers k where k.id = p_claim for update skip locked));
end $$;

-- These jobs of a claim (null: all that it still holds) have succeeded. Last in the transaction that holds what was
-- written for them, it makes both one commit; HF002 makes both none. Gives how many.
create function holdfast.complete_jobs(claim bigint, ids bigint[] default null) returns integer
language plpgsql
set search_path = pg_catalog
as $$
#variable_conflict use_variable
declare
  v_got record;
  v_done integer := 0;
begin
  for v_got in select h.* from holdfast.jobs_hold(claim, ids) h loop
    if holdfast.jobs_complete(claim, v_got.lane, v_got.ids, v_got.ids, array_fill(v_got.cid, array[cardinality(v_got.ids)]), '{}', v_got.frees) <> cardinality(v_got.ids) then
      raise exception 'HF_JOBS_LOST: jobs are not held by claim % any more', claim using errcode = 'HF002';
    end if;
    insert into holdfast.jobs_outcomes (queue, minute, succeeded) values (v_got.lane >> 2, date_trunc('minute', now()), cardinality(v_got.ids));
    v_done := v_done + cardinality(v_got.ids);
  end loop;
  perform holdfast.jobs_close_claim(claim);
  return v_done;
end $$;

-- This job of a claim has failed: it has used up an attempt, and its error joins its history. Gives when it runs again;
-- null: it is a dead letter, because no attempt is left or because retry is false. Without retry_after the pause is the
-- queue's, doubled with each attempt, at most an hour, plus or minus a quarter: what failed together must not come back
-- together.
create function holdfast.fail_job(
  claim bigint, id bigint, error text, retry_after interval default null, error_name text default 'Error', retry boolean default true
) returns timestamptz
language plpgsql
set search_path = pg_catalog
as $$
#variable_conflict use_variable
declare
  v_got record;
  v_queue holdfast.jobs_queues;
  v_run_at timestamptz;
  v_error jsonb;
begin
  select h.lane, h.ids, h.cid, h.attempts[1] as attempt into strict v_got from holdfast.jobs_hold(claim, array[id]) h;
  select q.* into strict v_queue from holdfast.jobs_queues q where q.id = v_got.lane >> 2;
  if retry and v_got.attempt < v_queue.attempts then
    v_run_at := clock_timestamp() + coalesce(retry_after,
      least(3600000, v_queue.backoff_ms * 2.0 ^ least(v_got.attempt - 1, 30)) * (0.75 + random() / 2) * interval '1 millisecond');
  end if;
  v_error := jsonb_build_object('attempt', v_got.attempt, 'at', clock_timestamp(), 'name', left(error_name, 200),
    'message', regexp_replace(left(error, 2000), '[[:cntrl:]]', ' ', 'g'));
  if holdfast.jobs_fail(claim, v_got.lane, v_got.ids, array[v_got.cid], array[v_run_at], array[v_error]) <> 1 then
    raise exception 'HF_JOBS_LOST: job % is not held by claim % any more', id, claim using errcode = 'HF002';
  end if;
  insert into holdfast.jobs_outcomes (queue, minute, failed, died)
    values (v_queue.id, date_trunc('minute', now()), 1, (v_run_at is null)::integer);
  perform holdfast.jobs_close_claim(claim);
  return v_run_at;
end $$;

-- Jobs of a claim (null: all that it still holds) that were not begun: another one may have them at once, and no attempt
-- is used up. For a worker that stops. Gives how many.
create function holdfast.return_jobs(claim bigint, ids bigint[] default null) returns integer
language plpgsql
set search_path = pg_catalog
as $$
#variable_conflict use_variable
declare
  v_got record;
  v_done integer := 0;
begin
  for v_got in select h.* from holdfast.jobs_hold(claim, ids) h loop
    v_done := v_done + holdfast.jobs_return(claim, v_got.lane, v_got.ids, array_fill(v_got.cid, array[cardinality(v_got.ids)]));
  end loop;
  perform holdfast.jobs_close_claim(claim);
  return v_done;
end $$;

-- Gives a claim the length of the lease once more, from now (null: the length that it had); HF002 when it is gone. Gives
-- when it ends. It helps from the commit on: call it outside of the transaction that does the work.
create function holdfast.extend_claim(claim bigint, lease interval default null) returns timestamptz
language plpgsql
set search_path = pg_catalog
as $$
#variable_conflict use_variable
declare
  v_lease_ms bigint := extract(epoch from lease) * 1000;
  v_ends_at timestamptz;
begin
  if v_lease_ms not between 100 and 86400000 then
    raise exception 'lease is %, it must be from 100 milliseconds to 1 day', lease using errcode = '22023';
  end if;
  update holdfast.jobs_workers w set seen_at = clock_timestamp(), lease_ms = coalesce(v_lease_ms, w.lease_ms)
   where w.id = claim and claim >= 4294967296
  returning w.seen_at + w.lease_ms * interval '1 millisecond' into v_ends_at;
  if not found then
    raise exception 'HF_JOBS_LOST: jobs are not held by claim % any more', claim using errcode = 'HF002', hint = 'Its lease ended, or all of its jobs have been ended.';
  end if;
  return v_ends_at;
end $$;

-- What claim_jobs must leave, because the caller's transaction may stay open behind it: truncates drained slots, adds up
-- the counters at once and deletes old ones. For where no Node worker runs, which does it by itself; about once a minute,
-- alone in its transaction.
create function holdfast.maintain_jobs() returns void
language plpgsql
set search_path = pg_catalog
as $$
begin
  perform holdfast.jobs_do_upkeep();
  perform holdfast.jobs_count_outcomes(true);
  delete from holdfast.jobs_counts c where c.minute < now() - interval '7 days';
  perform holdfast.jobs_trim();
end $$;
