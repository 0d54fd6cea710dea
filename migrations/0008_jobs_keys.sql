-- Limits per key: so many jobs of a key at once, in the order in which they were sent, among those that have been found.
-- Part of the protocol of 0004.
--
-- Nothing counts what runs: a job of a key runs while an open claim holds it and its row is in jobs_ready. A claim that
-- finds one whose key has no place parks it in jobs_waiting; whoever ends a job of the key marks the next one free, and the
-- next claim of its lane takes it from there. The two must not miss each other. A claim that parks because of a job locks
-- that job's row: whoever takes the row out waits for the parking to be committed, and sees it. A row that cannot be locked
-- is being taken out: what is parked because of it is marked free, so the next claim looks again.
--
-- A queue's claims of jobs with keys follow each other, in all three lanes together: its row is locked.
-- class: expand

-- How many jobs of these keys run. Not sure: one of them is being ended by a transaction that is still open.
create function holdfast.jobs_count_running(p_queue smallint, p_keys text[])
returns table (key text, amount integer, is_sure boolean)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = on set enable_nestloop = off set enable_mergejoin = off set jit = off
as $$
#variable_conflict use_column
declare
  v_keys text[];
  v_lanes integer[];
  v_ids bigint[];
  v_locked bigint[];
begin
  -- By a hash: hundreds of keys are looked for among as many, and where a loop is the only way it is taken all the same.
  select array_agg(u.key), array_agg(c.lane), array_agg(u.id) into v_keys, v_lanes, v_ids
    from (select distinct k.key from unnest(p_keys) k (key)) k
    join (holdfast.jobs_claims c cross join lateral unnest(c.keys, c.key_ids) u (key, id)) on u.key = k.key
   where c.lane between p_queue * 4 and p_queue * 4 + 2 and c.keys is not null;
  if v_keys is null then return; end if;
  select coalesce(array_agg(r.id), '{}') into v_locked
    from unnest(v_lanes, v_ids) h (lane, id) cross join lateral (
      select k.id from holdfast.jobs_ready k
       where k.slot = (h.id >> 16) & 7 and k.lane = h.lane and k.id = h.id for key share skip locked) r;
  return query
    select h.key, count(*)::integer, bool_and(h.id = any(v_locked))
      from unnest(v_keys, v_lanes, v_ids) h (key, lane, id) cross join lateral (
        select from holdfast.jobs_ready k where k.slot = (h.id >> 16) & 7 and k.lane = h.lane and k.id = h.id limit 1) r
     group by h.key;
end $$;

-- Takes jobs that wait free into their lane, as far as their keys have places: under new ids, as all that is behind the
-- marks. Whose turn it is decides the order of a key, whatever is marked. Gives them and their keys.
create function holdfast.jobs_admit(p_lane integer, p_limit integer, p_most integer, p_bytes bigint, out ids bigint[], out keys text[])
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_queue smallint := p_lane >> 2;
  v_free_keys text[];
  v_free bigint[];
  v_keys text[];
  v_running json;
  v_here bigint[];
  v_here_keys text[];
  v_elsewhere bigint[];
  v_elsewhere_keys text[];
begin
  select array_agg(f.key), array_agg(f.id) into v_free_keys, v_free
    from (select w.key, w.id, sum(octet_length(w.body)) over (order by w.id) - octet_length(w.body) as before
            from (select w.key, w.id, w.body from holdfast.jobs_waiting w where w.lane = p_lane and w.is_free order by w.id limit p_most) w) f
   where f.before < p_bytes;
  if v_free is null then return; end if;
  v_keys := array(select distinct k from unnest(v_free_keys) k);
  -- Before the waiting ones are looked at: what was handed back since is then seen among them.
  select json_agg(n) into v_running from holdfast.jobs_count_running(v_queue, v_keys) n;
  -- Those that somebody has locked are just being freed or cancelled.
  with turns as (
    select t.id, t.key, t.lane = p_lane and row_number() over here <= p_most and sum(t.bytes) over here - t.bytes < p_bytes as is_here
      from unnest(v_keys) k (key)
      left join json_to_recordset(v_running) n (key text, amount integer) on n.key = k.key
     cross join lateral (
        select w.id, w.key, w.lane, octet_length(w.body) as bytes from holdfast.jobs_waiting w where w.queue = v_queue and w.key = k.key
         order by w.id limit greatest(p_limit - coalesce(n.amount, 0), 0) for update skip locked) t
    window here as (partition by t.lane order by t.id))
  select array_agg(t.id) filter (where t.is_here), array_agg(t.key) filter (where t.is_here),
         array_agg(t.id) filter (where not t.is_here), array_agg(t.key) filter (where not t.is_here)
    into v_here, v_here_keys, v_elsewhere, v_elsewhere_keys from turns t;
  if v_here is not null then
    perform pg_current_xact_id();
    with gone as (
      delete from holdfast.jobs_waiting w using unnest(v_here, v_here_keys) t (id, key)
       where w.queue = v_queue and w.key = t.key and w.id = t.id returning w.*),
    fresh as materialized (select nextval('holdfast.jobs_ids') as new_id, g.* from (select * from gone order by id) g),
    admitted as (
      insert into holdfast.jobs_ready (slot, lane, id, origin, attempt, crashes, at, key, unique_key, errors, body)
      select (f.new_id >> 16) & 7, f.lane, f.new_id, f.id, f.attempt, f.crashes, f.at, f.key, f.unique_key, f.errors, f.body
        from fresh f)
    select array_agg(f.new_id order by f.new_id), array_agg(f.key order by f.new_id) into ids, keys from fresh f;
  end if;
  if v_elsewhere is not null then
    update holdfast.jobs_waiting w set is_free = true from unnest(v_elsewhere, v_elsewhere_keys) t (id, key)
     where w.queue = v_queue and w.key = t.key and w.id = t.id and not w.is_free;
  end if;
  if cardinality(v_free) = cardinality(v_here) and v_free <@ v_here then return; end if;
  -- Their key has no place: whoever makes one frees the next.
  with held as (
    select t.key, t.id from unnest(v_free, v_free_keys) f (id, key)
      left join json_to_recordset(v_running) n (key text, is_sure boolean) on n.key = f.key
     cross join lateral (
        select w.key, w.id from holdfast.jobs_waiting w
         where w.queue = v_queue and w.key = f.key and w.id = f.id and w.is_free for update skip locked) t
     where coalesce(n.is_sure, true) and f.id <> all(coalesce(v_here || v_elsewhere, '{}')))
  update holdfast.jobs_waiting w set is_free = false from held h
   where w.queue = v_queue and w.key = h.key and w.id = h.id;
end $$;

-- Of the jobs that a claim has found (a key or null beside each id), parks those whose key has no place or has others that
-- wait: these come first. Gives those that are left. p_admitted: keys of jobs that this claim holds already, beside those
-- in open claims.
create function holdfast.jobs_park(p_lane integer, p_limit integer, p_ids bigint[], p_keys text[], p_admitted text[], out ids bigint[], out keys text[])
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = on set enable_nestloop = off set enable_mergejoin = off set jit = off
as $$
declare
  v_queue smallint := p_lane >> 2;
  v_running json;
  v_waiting text[];
  v_parked bigint[];
  v_unsure text[];
begin
  select json_agg(n) into v_running from holdfast.jobs_count_running(v_queue, p_keys) n;
  v_waiting := array(select distinct w.key from holdfast.jobs_waiting w where w.queue = v_queue and w.key = any(p_keys));
  with running as materialized (
    select n.key, sum(n.amount)::integer as amount, bool_and(n.is_sure) as is_sure from (
      select c.key, c.amount, c.is_sure from json_to_recordset(v_running) c (key text, amount integer, is_sure boolean)
      union all select a, 1, true from unnest(p_admitted) a) n
     group by n.key),
  judged as (
    select f.id, f.key, coalesce(n.is_sure, true) as is_sure,
           f.key is not null and (f.place + coalesce(n.amount, 0) > p_limit or f.key = any(v_waiting)) as is_parked
      from (select u.id, u.key, row_number() over (partition by u.key order by u.id) as place from unnest(p_ids, p_keys) u (id, key)) f
      left join running n on n.key = f.key)
  select array_agg(j.id order by j.id) filter (where not j.is_parked), array_agg(j.key order by j.id) filter (where not j.is_parked),
         array_agg(j.id) filter (where j.is_parked), array_agg(j.key) filter (where j.is_parked and not j.is_sure)
    into ids, keys, v_parked, v_unsure from judged j;
  if v_parked is null then return; end if;
  insert into holdfast.jobs_waiting (queue, key, id, lane, is_free, attempt, crashes, at, unique_key, errors, body)
  select v_queue, g.key, coalesce(g.origin, g.id), g.lane, coalesce(g.key = any(v_unsure), false), g.attempt, g.crashes, g.at, g.unique_key, g.errors, g.body
    from holdfast.jobs_take(p_lane, v_parked) g;
end $$;

-- Jobs of these keys (one entry each) have ended: as many that wait are marked free. In the order of the keys: two that
-- release the same ones would otherwise wait for each other. Under an older snapshot what was parked meanwhile would not
-- be seen, and nobody would free it.
create function holdfast.jobs_release(p_queue smallint, p_keys text[]) returns void
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_keys text[];
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'a job with a key must be ended at isolation level read committed, and this transaction is at %', current_setting('transaction_isolation')
      using errcode = '25001';
  end if;
  -- For most keys nothing waits. What is parked after this look found the job being ended, and is marked free.
  v_keys := array(select distinct w.key from holdfast.jobs_waiting w where w.queue = p_queue and w.key = any(p_keys));
  if v_keys = '{}' then return; end if;
  -- Locked before they are taken as the first: one that is cancelled meanwhile makes way for the next.
  with ended as materialized (
    select u.key, count(*) as amount from unnest(p_keys) u (key) where u.key = any(v_keys) group by u.key order by u.key),
  next as materialized (
    select t.key, t.id from ended e cross join lateral (
      select w.key, w.id from holdfast.jobs_waiting w where w.queue = p_queue and w.key = e.key
       order by w.id limit e.amount for update) t)
  update holdfast.jobs_waiting w set is_free = true from next n
   where w.queue = p_queue and w.key = n.key and w.id = n.id and not w.is_free;
end $$;
