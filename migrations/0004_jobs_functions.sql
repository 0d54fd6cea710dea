-- The protocol of the queue. It lives in the database so that every language speaks the same one; src/jobs calls these
-- functions and nothing else on its hot paths. SQLSTATE HF001: the worker's row is gone, its jobs are with others.
-- class: expand

-- Makes a queue known, with what its crashed attempts are judged by. Gives the queue; its lanes are queue * 4 + priority.
create function holdfast.jobs_register(p_name text, p_attempts integer, p_backoff_ms integer, p_per_key integer default 1) returns smallint
language plpgsql as $$
declare
  v_id smallint;
begin
  select q.id into v_id from holdfast.jobs_queues q where q.name = p_name and q.attempts = p_attempts and q.backoff_ms = p_backoff_ms and q.per_key = p_per_key;
  if found then return v_id; end if;
  insert into holdfast.jobs_queues as q (name, attempts, backoff_ms, per_key) values (p_name, p_attempts, p_backoff_ms, p_per_key)
    on conflict (name) do update set attempts = excluded.attempts, backoff_ms = excluded.backoff_ms, per_key = excluded.per_key
    returning q.id into v_id;
  insert into holdfast.jobs_lanes (lane, queue, priority)
    select v_id * 4 + p, v_id, p from generate_series(0, 2) p on conflict do nothing;
  return v_id;
end $$;

-- The stable face for other languages: takes part in the caller's transaction. Null: a job with that unique key is
-- waiting or running already.
create function holdfast.send_job(
  queue text, payload jsonb, run_at timestamptz default null, priority integer default 1, unique_key text default null, key text default null
) returns bigint
language plpgsql as $$
#variable_conflict use_variable
declare
  v_queue smallint;
  v_id bigint;
begin
  if priority not between 0 and 2 then
    raise exception 'priority is %, it must be 0 (high), 1 (normal) or 2 (low)', priority using errcode = '22023';
  end if;
  select q.id into v_queue from holdfast.jobs_queues q where q.name = queue;
  if not found then v_queue := holdfast.jobs_register(queue, 10, 1000); end if;
  -- The transaction's id must be older than the job's: see jobs_claim.
  perform pg_current_xact_id();
  v_id := nextval('holdfast.jobs_ids');
  if unique_key is not null then
    insert into holdfast.jobs_unique as u (queue, key, id) values (v_queue, unique_key, v_id) on conflict do nothing;
    if not found then return null; end if;
  end if;
  if run_at > now() then
    insert into holdfast.jobs_later as l (run_at, id, lane, attempt, key, unique_key, body)
      values (run_at, v_id, v_queue * 4 + priority, 1, key, unique_key, payload::text);
  else
    insert into holdfast.jobs_ready as r (slot, lane, id, key, unique_key, body)
      values ((v_id >> 16) & 7, v_queue * 4 + priority, v_id, key, unique_key, payload::text);
  end if;
  return v_id;
end $$;

-- Plain jobs of one lane, joined by \x1e; gives their ids, joined by commas. A function, because its plan is kept: as a
-- statement it was planned anew for each transaction that sends a job, which cost four times what it does.
create function holdfast.jobs_send(p_lane integer, p_bodies text) returns text
language plpgsql
as $$
declare
  -- The transaction's id must be older than the jobs': see jobs_claim.
  v_xid xid8 := pg_current_xact_id();
  v_id bigint;
  v_ids text;
begin
  if strpos(p_bodies, E'\x1e') = 0 then
    v_id := nextval('holdfast.jobs_ids');
    insert into holdfast.jobs_ready (slot, lane, id, body) values ((v_id >> 16) & 7, p_lane, v_id, p_bodies);
    return v_id;
  end if;
  with drawn as (select nextval('holdfast.jobs_ids') as id, b.body from string_to_table(p_bodies, E'\x1e') b (body) offset 0),
  sent as (insert into holdfast.jobs_ready (slot, lane, id, body) select (id >> 16) & 7, p_lane, id, body from drawn returning id)
  select string_agg(id::text, ',' order by id) into v_ids from sent;
  return v_ids;
end $$;

-- Jobs with a time, a key or a unique key, of any lanes. One whose unique key is in force gives the id of that job.
create function holdfast.jobs_send_rich(p_records json)
returns table (id text, is_new boolean)
language plpgsql
as $$
#variable_conflict use_column
begin
  perform pg_current_xact_id();
  return query
    with drawn as materialized (
      select nextval('holdfast.jobs_ids') as id, r.lane, to_timestamp(r.at / 1000) as at, r.key, r.ukey, r.body
        from json_to_recordset(p_records) r (lane integer, at float8, key text, ukey text, body text)),
    -- In the order of their keys: two transactions that send the same ones would otherwise wait for each other.
    taken as (
      insert into holdfast.jobs_unique (queue, key, id) select lane >> 2, ukey, id from drawn where ukey is not null order by 1, 2, 3
      on conflict do nothing returning queue, key, id),
    fresh as materialized (select d.* from drawn d where d.ukey is null or exists (select from taken t where t.id = d.id)),
    later as (
      insert into holdfast.jobs_later (run_at, id, lane, attempt, key, unique_key, body)
      select at, id, lane, 1, key, ukey, body from fresh where at > now()),
    ready as (
      insert into holdfast.jobs_ready (slot, lane, id, key, unique_key, body)
      select (id >> 16) & 7, lane, id, key, ukey, body from fresh where at is null or at <= now())
    -- The other one with its unique key is older, or in the same call.
    select coalesce(f.id, t.id, k.id)::text, f.id is not null
      from drawn d left join fresh f on f.id = d.id
      left join taken t on f.id is null and t.queue = d.lane >> 2 and t.key = d.ukey
      left join holdfast.jobs_unique k on f.id is null and k.queue = d.lane >> 2 and k.key = d.ukey
     order by d.id;
end $$;

-- Takes these jobs out of their lane. Always by plain conditions on one slot: joined to a list of ids the table was read as
-- a whole for each of them, wherever the plan had been made while it was short.
create function holdfast.jobs_take(p_lane integer, p_ids bigint[]) returns setof holdfast.jobs_ready
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_slot smallint;
begin
  for v_slot in select distinct (k >> 16) & 7 from unnest(p_ids) k loop
    return query delete from holdfast.jobs_ready r where r.slot = v_slot and r.lane = p_lane and r.id = any(p_ids) returning r.*;
  end loop;
end $$;

-- A set of ids as ranges. Neighbours are the rule, and then nothing has to be sorted and merged.
create function holdfast.jobs_join_ids(p_ids bigint[]) returns int8multirange
language plpgsql immutable as $$
declare
  v_amount integer := coalesce(cardinality(p_ids), 0);
begin
  if v_amount > 0 and p_ids[v_amount] - p_ids[1] = v_amount - 1 then
    return int8multirange(int8range(p_ids[1], p_ids[v_amount] + 1));
  end if;
  return (select range_agg(int8range(k, k + 1)) from unnest(p_ids) k);
end $$;

-- Jobs of a claim as one text, and how many there are: see jobs_claim.
create function holdfast.jobs_pack(p_lane integer, p_first bigint, p_last bigint, p_ids int8multirange, out amount integer, out jobs text)
language plpgsql as $$
begin
  select count(*), string_agg(
           case when s.origin is null and s.attempt = 1 and s.crashes = 0 and s.key is null and s.unique_key is null
             then s.at_ms || E'\x1f' || s.body
             else s.at_ms || ',' || coalesce(s.origin::text, '') || ',' || s.attempt || ',' || s.crashes || ','
               || case when s.key is not null or s.unique_key is not null then '1' else '' end || E'\x1f' || s.body end,
           E'\x1e' order by s.id)
    into amount, jobs
    from (select r.id, r.origin, r.attempt, r.crashes, r.key, r.unique_key, r.body, (date_part('epoch', r.at) * 1000)::bigint as at_ms
            from holdfast.jobs_ready r
           where r.lane = p_lane and r.id between p_first and p_last and r.id <@ p_ids
           order by r.id) s;
end $$;

-- Claims up to p_most jobs of the given lanes, in their order; one row per lane, but for those
-- that somebody else is claiming from. A claim ends after
-- 4 MB of bodies: they come as one text, which may not exceed 1 GB, and a larger job comes alone.
--
-- jobs holds a record per id of ids, in their order: when it was sent (ms) and, only where one of these is not what it
-- usually is, origin, attempt, crashes, and 1 when its end frees a key; \x1f; the body. Records are joined by \x1e.
-- seen: how many were looked at; those of a key without a place were parked.
--
-- p_from[i] is where the caller believes the lane's oldest job to be. It is a hint: a wrong one delays a job until
-- the next look from further below, and never runs one twice, because exclusion comes from the open claims. Claims of a
-- lane follow each other (its row is locked to the end of the transaction), and each statement of a function has a
-- snapshot of its own: the open claims are read after the lock, so none can be missed.
--
-- The commit is asynchronous: a claim lost in a crash of the server only makes its jobs claimable again.
create function holdfast.jobs_claim(p_worker bigint, p_lanes integer[], p_from bigint[], p_opened bigint[], p_most integer)
returns table (lane integer, cid bigint, amount integer, seen integer, last_id bigint, opened bigint, ids int8multirange, jobs text, xid xid8, xmin xid8)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  c_bytes constant bigint := 4000000;
  v_per_key integer;
  v_open int8multirange;
  v_oldest bigint;
  v_list bigint[];
  v_keys text[];
  v_bytes bigint;
  v_has_keys boolean;
  v_has_free boolean;
  v_freed bigint[];
  v_freed_keys text[];
  v_pack record;
begin
  -- At a higher level the open claims would be read with the snapshot from before the lock, and a job claimed twice.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'jobs are claimed at isolation level read committed, and this transaction is at %', current_setting('transaction_isolation')
      using errcode = '25001', hint = 'Reset default_transaction_isolation of the role or the database.';
  end if;
  perform set_config('synchronous_commit', 'off', true);
  <<lanes>>
  for i in 1 .. cardinality(p_lanes) loop
    exit when p_most <= 0;
    lane := p_lanes[i]; cid := null; amount := 0; seen := 0; last_id := null; ids := null; jobs := null; xid := null; opened := p_opened[i];
    v_keys := null; v_freed := null; v_freed_keys := null;
    xmin := pg_snapshot_xmin(pg_current_snapshot());
    -- An idle lane is left without a lock, hence without a transaction id and a line of WAL.
    perform from holdfast.jobs_waiting w where w.lane = p_lanes[i] and w.is_free limit 1;
    v_has_free := found;
    if not v_has_free then
      perform from holdfast.jobs_ready r where r.lane = p_lanes[i] and r.id >= p_from[i] limit 1;
      if not found then return next; continue; end if;
    end if;
    perform from holdfast.jobs_workers w where w.id = p_worker for key share;
    if not found then raise exception 'worker % is not registered any more', p_worker using errcode = 'HF001'; end if;
    perform from holdfast.jobs_lanes l where l.lane = p_lanes[i] for update skip locked;
    continue when not found;
    select q.per_key into v_per_key from holdfast.jobs_queues q where q.id = p_lanes[i] >> 2 and not q.is_paused;
    if not found then return next; continue; end if;
    if v_has_free then
      perform from holdfast.jobs_queues q where q.id = p_lanes[i] >> 2 for no key update skip locked;
      continue when not found;
      select a.ids, a.keys into v_freed, v_freed_keys from holdfast.jobs_admit(p_lanes[i], v_per_key, p_most, c_bytes) a;
    end if;
    select range_agg(c.ids) filter (where upper(c.ids) > p_from[i]), min(c.cid) into v_open, v_oldest
      from holdfast.jobs_claims c where c.lane = p_lanes[i] and c.cid >= p_opened[i];
    opened := coalesce(v_oldest, p_opened[i]);
    -- Several rounds only where all jobs found had to be parked.
    for v_round in 1 .. 20 loop
      select array_agg(s.id order by s.id), array_agg(s.key order by s.id), sum(s.bytes), bool_or(s.key is not null)
        into v_list, v_keys, v_bytes, v_has_keys
        from (select r.id, r.key, octet_length(r.body) as bytes from holdfast.jobs_ready r
               where r.lane = p_lanes[i] and r.id >= p_from[i] and (v_open is null or not r.id <@ v_open)
                 and (v_freed is null or r.id < v_freed[1])
               order by r.id limit p_most - coalesce(cardinality(v_freed), 0)) s;
      amount := coalesce(cardinality(v_list), 0);
      exit when amount = 0;
      seen := seen + amount;
      ids := holdfast.jobs_join_ids(v_list);
      if v_bytes > c_bytes and amount > 1 then
        select array_agg(s.id order by s.id), array_agg(s.key order by s.id) into v_list, v_keys
          from (select r.id, r.key, sum(octet_length(r.body)) over (order by r.id) - octet_length(r.body) as before
                  from holdfast.jobs_ready r
                 where r.lane = p_lanes[i] and r.id between v_list[1] and v_list[amount] and r.id <@ ids
                 order by r.id) s
         where s.before < c_bytes;
        amount := cardinality(v_list);
        ids := holdfast.jobs_join_ids(v_list);
      end if;
      last_id := v_list[amount];
      exit when not v_has_keys;
      perform from holdfast.jobs_queues q where q.id = p_lanes[i] >> 2 for no key update skip locked;
      continue lanes when not found;
      select p.ids, p.keys into v_list, v_keys from holdfast.jobs_park(p_lanes[i], v_per_key, v_list, v_keys, v_freed_keys) p;
      exit when cardinality(v_list) = amount;
      -- What is left is nobody else's, as the lane is locked.
      amount := coalesce(cardinality(v_list), 0);
      ids := holdfast.jobs_join_ids(v_list);
      exit when amount > 0;
    end loop;
    if v_freed is not null then
      v_keys := v_keys || v_freed_keys;
      ids := coalesce(ids, '{}') + holdfast.jobs_join_ids(v_freed);
      seen := seen + cardinality(v_freed);
    end if;
    if amount > 0 then
      v_pack := holdfast.jobs_pack(p_lanes[i], v_list[1], v_list[amount], ids);
      if v_pack.amount <> amount then raise exception 'jobs of lane % were deleted while they were being claimed', lane; end if;
      jobs := v_pack.jobs;
    end if;
    if v_freed is not null then
      v_pack := holdfast.jobs_pack(p_lanes[i], v_freed[1], v_freed[cardinality(v_freed)], ids);
      jobs := concat_ws(E'\x1e', jobs, v_pack.jobs);
      v_list := coalesce(v_list, '{}') || v_freed;
      amount := amount + cardinality(v_freed);
    end if;
    if amount > 0 then
      insert into holdfast.jobs_claims as c (lane, worker, ids, keys, key_ids)
      select p_lanes[i], p_worker, ids, array_agg(k.key), array_agg(k.id) from unnest(v_keys, v_list) k (key, id) where k.key is not null
      returning c.cid into cid;
      -- Claims below the oldest open one are never looked at again: dead rows of an old snapshot would pile up there.
      if v_oldest is null then opened := cid; end if;
      xid := pg_current_xact_id();
      p_most := p_most - amount;
    end if;
    return next;
  end loop;
end $$;

-- Where the oldest claimable job of a lane is now, from a mark that may be too low; p_last + 1 when there is none up to
-- p_last. Rows in open claims are left out: whoever gives them back gives them new ids.
create function holdfast.jobs_find_mark(p_lane integer, p_mark bigint, p_last bigint, p_opened bigint) returns bigint
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_open int8multirange;
  v_mark bigint;
begin
  -- One statement, one snapshot: a job handed back between two would be seen in neither place.
  select o.ids, (select r.id from holdfast.jobs_ready r
                  where r.lane = p_lane and r.id >= p_mark and r.id <= p_last and (o.ids is null or not r.id <@ o.ids)
                  order by r.id limit 1)
    into v_open, v_mark
    from (select range_agg(c.ids) as ids from holdfast.jobs_claims c where c.lane = p_lane and c.cid >= p_opened) o;
  return coalesce(v_mark, p_last + 1);
end $$;

-- Which of these claims the worker still holds, locked so that nobody hands their jobs on before this commits.
create function holdfast.jobs_hold_claims(p_worker bigint, p_lane integer, p_cids bigint[]) returns bigint[]
language sql as $$
  select coalesce(array_agg(held.cid), '{}') from (
    select c.cid from holdfast.jobs_claims c
     where c.lane = p_lane and c.cid = any(p_cids) and c.worker = p_worker for key share) held
$$;

-- Jobs that succeeded: one where p_lo[i] = p_hi[i], else all those of claim p_cid[i] from p_lo[i] to p_hi[i], which lie in one
-- slot. What other queues drew in between is not in this lane, and what was committed late is not in the claim. p_ended: claims with nothing left.
-- Gives how many were still the worker's; the others were handed on, and their success does not count.
create function holdfast.jobs_complete(
  p_worker bigint, p_lane integer, p_lo bigint[], p_hi bigint[], p_cid bigint[], p_ended bigint[], p_frees boolean
) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_mine bigint[] := holdfast.jobs_hold_claims(p_worker, p_lane, p_cid);
  v_rest bigint[];
  v_ids int8multirange;
  v_cid bigint := 0;
  v_run record;
  v_done integer := 0;
  v_some integer;
  v_slot smallint;
  v_slot_keys text[];
  v_keys text[];
begin
  v_rest := array(select u.lo from unnest(p_lo, p_hi, p_cid) u (lo, hi, cid) where u.lo = u.hi and u.cid = any(v_mine));
  for v_run in
    select u.lo, u.hi, u.cid from unnest(p_lo, p_hi, p_cid) u (lo, hi, cid) where u.lo < u.hi and u.cid = any(v_mine)
  loop
    if v_run.cid <> v_cid then
      -- A copy in memory: as stored it would be fetched anew for each row.
      select c.ids + '{}' into v_ids from holdfast.jobs_claims c where c.lane = p_lane and c.cid = v_run.cid;
      v_cid := v_run.cid;
    end if;
    if p_frees then
      v_rest := v_rest || array(
        select k from unnest(v_ids * int8multirange(int8range(v_run.lo, v_run.hi, '[]'))) g
         cross join lateral generate_series(lower(g), upper(g) - 1) k);
      continue;
    end if;
    if v_ids @> int8range(v_run.lo, v_run.hi, '[]') then
      delete from holdfast.jobs_ready r where r.slot = (v_run.lo >> 16) & 7 and r.lane = p_lane and r.id between v_run.lo and v_run.hi;
    else
      delete from holdfast.jobs_ready r
       where r.slot = (v_run.lo >> 16) & 7 and r.lane = p_lane and r.id between v_run.lo and v_run.hi and r.id <@ v_ids;
    end if;
    get diagnostics v_some = row_count;
    v_done := v_done + v_some;
  end loop;
  for v_slot in select distinct (k >> 16) & 7 from unnest(v_rest) k loop
    if p_frees then
      with gone as (
        delete from holdfast.jobs_ready r where r.slot = v_slot and r.lane = p_lane and r.id = any(v_rest)
        returning r.key, r.unique_key, coalesce(r.origin, r.id) as id),
      freed as (
        delete from holdfast.jobs_unique k using gone g
         where g.unique_key is not null and k.queue = p_lane >> 2 and k.key = g.unique_key and k.id = g.id)
      select count(*), array_agg(g.key) filter (where g.key is not null) into v_some, v_slot_keys from gone g;
      v_keys := v_keys || v_slot_keys;
    else
      delete from holdfast.jobs_ready r where r.slot = v_slot and r.lane = p_lane and r.id = any(v_rest);
      get diagnostics v_some = row_count;
    end if;
    v_done := v_done + v_some;
  end loop;
  if v_keys is not null then perform holdfast.jobs_release((p_lane >> 2)::smallint, v_keys); end if;
  if cardinality(p_ended) > 0 then
    delete from holdfast.jobs_claims c where c.lane = p_lane and c.worker = p_worker and c.cid = any(p_ended);
  end if;
  return v_done;
end $$;

-- Text that is meant to be JSON but may hold what jsonb refuses (\u0000, half a surrogate pair): then as a string.
create function holdfast.jobs_read_body(p_body text) returns jsonb
language plpgsql immutable as $$
begin
  return p_body::jsonb;
exception when others then
  return to_jsonb(p_body);
end $$;

-- Jobs that failed: tried again at p_run_at[i], or dead when that is null. p_error[i] joins the job's history.
create function holdfast.jobs_fail(
  p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[], p_run_at timestamptz[], p_error jsonb[]
) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_mine bigint[] := holdfast.jobs_hold_claims(p_worker, p_lane, p_cid);
  v_done integer;
  v_keys text[];
begin
  perform pg_current_xact_id();
  with mine as materialized (
    select u.* from unnest(p_id, p_cid, p_run_at, p_error) u (id, cid, run_at, error) where u.cid = any(v_mine)),
  gone as materialized (
    select t.*, m.run_at, m.error
      from holdfast.jobs_take(p_lane, array(select m.id from mine m)) t join mine m on m.id = t.id),
  again as (
    insert into holdfast.jobs_later (run_at, id, lane, attempt, crashes, at, key, unique_key, errors, body)
    select g.run_at, coalesce(g.origin, g.id), g.lane, g.attempt + 1, g.crashes, g.at, g.key, g.unique_key,
           coalesce(g.errors, '[]') || g.error, g.body from gone g where g.run_at > now()),
  -- Without a pause it goes back to its lane, where nobody has to promote it first.
  fresh as materialized (select nextval('holdfast.jobs_ids') as new_id, g.* from gone g where g.run_at <= now()),
  at_once as (
    insert into holdfast.jobs_ready (slot, lane, id, origin, attempt, crashes, at, key, unique_key, errors, body)
    select (f.new_id >> 16) & 7, f.lane, f.new_id, coalesce(f.origin, f.id), f.attempt + 1, f.crashes, f.at, f.key, f.unique_key,
           coalesce(f.errors, '[]') || f.error, f.body from fresh f),
  dead as (
    insert into holdfast.jobs_dead (id, queue, priority, attempts, sent_at, key, unique_key, errors, body)
    select coalesce(g.origin, g.id), g.lane >> 2, g.lane & 3, g.attempt, g.at, g.key, g.unique_key,
           coalesce(g.errors, '[]') || g.error, holdfast.jobs_read_body(g.body) from gone g where g.run_at is null),
  freed as (
    delete from holdfast.jobs_unique k using gone g
     where g.run_at is null and g.unique_key is not null
       and k.queue = p_lane >> 2 and k.key = g.unique_key and k.id = coalesce(g.origin, g.id))
  select count(*), array_agg(g.key) filter (where g.key is not null) into v_done, v_keys from gone g;
  if v_keys is not null then perform holdfast.jobs_release((p_lane >> 2)::smallint, v_keys); end if;
  return v_done;
end $$;

-- Jobs that were claimed and not started: ready again at once, under new ids so that no mark has passed them. One of a key
-- joins those that wait, where it is the next of its key.
create function holdfast.jobs_return(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[]) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_mine bigint[] := holdfast.jobs_hold_claims(p_worker, p_lane, p_cid);
  v_done integer;
begin
  perform pg_current_xact_id();
  with gone as materialized (
    select t.* from holdfast.jobs_take(p_lane, array(
      select u.id from unnest(p_id, p_cid) u (id, cid) where u.cid = any(v_mine))) t),
  fresh as materialized (select nextval('holdfast.jobs_ids') as new_id, g.* from gone g where g.key is null),
  back as (
    insert into holdfast.jobs_ready (slot, lane, id, origin, attempt, crashes, at, unique_key, errors, body)
    select (f.new_id >> 16) & 7, f.lane, f.new_id, coalesce(f.origin, f.id), f.attempt, f.crashes, f.at, f.unique_key, f.errors, f.body
      from fresh f),
  waiting as (
    insert into holdfast.jobs_waiting (queue, key, id, lane, is_free, attempt, crashes, at, unique_key, errors, body)
    select g.lane >> 2, g.key, coalesce(g.origin, g.id), g.lane, true, g.attempt, g.crashes, g.at, g.unique_key, g.errors, g.body
      from gone g where g.key is not null)
  select count(*) into v_done from gone g;
  return v_done;
end $$;

-- Takes out a job that waits. One that is in an open claim is somebody's: false. It is found by an index, then its lane is
-- locked and the job looked at again, by a statement with a snapshot of its own, so that no claim comes in between. A job
-- that was handed back meanwhile has a new id and is looked for anew.
create function holdfast.jobs_cancel(p_id bigint) returns boolean
language plpgsql
set enable_seqscan = off set jit = off
as $$
declare
  v_lane integer;
  v_id bigint;
  v_found boolean;
  v_waiting record;
begin
  for v_try in 1 .. 10 loop
    select r.lane, r.id into v_lane, v_id from holdfast.jobs_ready r
     where r.slot = (p_id >> 16) & 7 and r.lane = any(array(select l.lane from holdfast.jobs_lanes l)) and r.id = p_id;
    if not found then select r.lane, r.id into v_lane, v_id from holdfast.jobs_ready r where r.origin = p_id; end if;
    exit when not found;
    perform from holdfast.jobs_lanes l where l.lane = v_lane for update;
    if exists (select from holdfast.jobs_claims c where c.lane = v_lane and c.ids @> v_id) then return false; end if;
    with gone as (
      delete from holdfast.jobs_ready r where r.slot = (v_id >> 16) & 7 and r.lane = v_lane and r.id = v_id
      returning r.unique_key),
    freed as (
      delete from holdfast.jobs_unique k using gone g
       where g.unique_key is not null and k.queue = v_lane >> 2 and k.key = g.unique_key and k.id = p_id)
    select count(*) > 0 into v_found from gone;
    if v_found then return true; end if;
  end loop;
  delete from holdfast.jobs_waiting w where w.id = p_id returning w.lane, w.key, w.unique_key, w.is_free into v_waiting;
  if found then
    delete from holdfast.jobs_unique k where k.queue = v_waiting.lane >> 2 and k.key = v_waiting.unique_key and k.id = p_id;
    -- It was the next of its key: another one is.
    if v_waiting.is_free then perform holdfast.jobs_release((v_waiting.lane >> 2)::smallint, array[v_waiting.key]); end if;
    return true;
  end if;
  with later as (delete from holdfast.jobs_later l where l.id = p_id returning l.lane, l.unique_key),
  freed as (
    delete from holdfast.jobs_unique k using later g
     where g.unique_key is not null and k.queue = g.lane >> 2 and k.key = g.unique_key and k.id = p_id)
  select count(*) > 0 into v_found from later;
  return v_found;
end $$;

-- The end of a transaction in which jobs did their work: raises unless every one of them is still the worker's. A check
-- that merely matched no row would let the work be committed.
create function holdfast.jobs_finish(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[]) returns void
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
begin
  if holdfast.jobs_complete(p_worker, p_lane, p_id, p_id, p_cid, '{}', true) <> cardinality(p_id) then
    raise exception 'jobs of worker % were handed to another one', p_worker using errcode = 'HF002';
  end if;
end $$;
