-- Locks with a lease: held by a process as long as its heart beats, handed on in the order of the tickets.
--
-- A request is a row per key with one ticket; it waits while a row of an earlier ticket is in its way, and holds once it has
-- a fence. Fences come from a sequence, under the key's mutex, so those of a key only rise, and one that was handed out is
-- on the disk. All that looks at a key's queue and changes it has the key's mutex (an advisory lock of the transaction),
-- taken in the order of the hashes.
-- class: expand

create sequence holdfast.locks_tickets as bigint;
create sequence holdfast.locks_fences as bigint;

create table holdfast.locks_owners (
  id           bigint generated always as identity primary key,
  name         text not null,
  started_at   timestamptz not null default clock_timestamp(),
  seen_at      timestamptz not null default clock_timestamp()
);
comment on table holdfast.locks_owners is 'Processes that hold or wait, one heartbeat each: a lease ends ttl_ms after its owner was seen last.';

create table holdfast.locks_requests (
  key          text not null,
  ticket       bigint not null,
  owner        bigint not null,
  is_shared    boolean not null,
  amount       smallint not null,
  ttl_ms       integer not null,
  within       bigint,
  flight       bigint not null default 0,
  fence        bigint,
  label        text,
  asked_at     timestamptz not null default clock_timestamp(),
  held_at      timestamptz,
  primary key (key, ticket)
);
create index locks_requests_ticket on holdfast.locks_requests (ticket);
create index locks_requests_owner on holdfast.locks_requests (owner);
create index locks_requests_within on holdfast.locks_requests (within) where within is not null;
comment on table holdfast.locks_requests is 'Who holds (fence) and who waits (no fence), a row for each of the keys that were asked for together (amount).';
comment on column holdfast.locks_requests.flight is 'Which statement of its owner asked: what an answer that was lost has left behind is known by it.';
comment on column holdfast.locks_requests.within is 'Ticket of the lock in whose scope this one was asked for: what a circle of waiting is found by.';

-- Taken in one order by everybody, so two that want several keys do not wait for each other.
create function holdfast.locks_enter(p_keys text[]) returns void
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(h.hash) from (select distinct hashtextextended(k, 6969) as hash from unnest(p_keys) k order by 1) h;
end $$;

-- Of a lease: its owner has been seen in time, or has asked or been given the lock since.
create function holdfast.locks_is_live(q holdfast.locks_requests) returns boolean
language plpgsql
set enable_seqscan = off
as $$
begin
  return exists (
    select from holdfast.locks_owners o
     where o.id = q.owner and greatest(o.seen_at, q.asked_at, q.held_at) + q.ttl_ms * interval '1 millisecond' > clock_timestamp());
end $$;

-- Whether nothing earlier is in the way of a request on this key. A dead one that is in the way is taken out, unless a
-- transaction of its holder keeps it (locks_guard): then it is as good as live, and the write that it guards is too.
create function holdfast.locks_is_next(p_key text, p_ticket bigint, p_is_shared boolean) returns boolean
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  v_other holdfast.locks_requests;
begin
  for v_other in select q.* from holdfast.locks_requests q where q.key = p_key and q.ticket < p_ticket order by q.ticket loop
    continue when v_other.is_shared and p_is_shared;
    if holdfast.locks_is_live(v_other) then return false; end if;
    perform from holdfast.locks_requests q where q.key = p_key and q.ticket = v_other.ticket for update skip locked;
    if not found then return false; end if;
    delete from holdfast.locks_requests q where q.key = p_key and q.ticket = v_other.ticket;
  end loop;
  return true;
end $$;

-- Gives a request what it asked for if nothing is in its way on any of its keys, whose mutexes the caller has; else null.
create function holdfast.locks_grant(p_ticket bigint) returns bigint
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_row holdfast.locks_requests;
  v_fence bigint;
  v_found integer := 0;
begin
  for v_row in select q.* from holdfast.locks_requests q where q.ticket = p_ticket order by q.key loop
    if v_row.fence is not null then return v_row.fence; end if;
    if not holdfast.locks_is_next(v_row.key, p_ticket, v_row.is_shared) then return null; end if;
    v_found := v_found + 1;
  end loop;
  -- Some of its rows were taken out: its owner was thought dead.
  if v_found = 0 or v_found <> v_row.amount then return null; end if;
  v_fence := nextval('holdfast.locks_fences');
  update holdfast.locks_requests q set fence = v_fence, held_at = clock_timestamp() where q.ticket = p_ticket;
  return v_fence;
end $$;

-- After something has left the queues of these keys: grants what is next, and tells its owner. A request of several keys
-- is told to look for itself: the mutexes of its other keys are not held here. Gives how many were granted.
create function holdfast.locks_settle(p_keys text[]) returns integer
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  v_key text;
  v_row holdfast.locks_requests;
  v_fence bigint;
  v_granted integer := 0;
  v_is_first boolean;
begin
  foreach v_key in array p_keys loop
    v_is_first := true;
    for v_row in select q.* from holdfast.locks_requests q where q.key = v_key order by q.ticket loop
      if v_row.fence is not null then
        exit when not v_row.is_shared and holdfast.locks_is_live(v_row);
        v_is_first := false;
        continue;
      end if;
      -- Nobody waits for a lock in the name of a dead process.
      if not holdfast.locks_is_live(v_row) then
        delete from holdfast.locks_requests q where q.key = v_key and q.ticket = v_row.ticket;
        continue;
      end if;
      if v_row.amount > 1 then
        perform pg_notify('holdfast_locks_' || v_row.owner, 'look:' || v_row.ticket);
        exit;
      end if;
      if v_is_first then
        v_fence := nextval('holdfast.locks_fences');
        update holdfast.locks_requests q set fence = v_fence, held_at = clock_timestamp() where q.key = v_key and q.ticket = v_row.ticket;
      else
        v_fence := holdfast.locks_grant(v_row.ticket);
      end if;
      exit when v_fence is null;
      v_is_first := false;
      v_granted := v_granted + 1;
      perform pg_notify('holdfast_locks_' || v_row.owner, 'held:' || v_row.ticket || ':' || v_fence);
      exit when not v_row.is_shared;
    end loop;
  end loop;
  return v_granted;
end $$;

-- Requests of one process, in their order. Each element: keys (sorted, none twice), shared, ttl (ms), wait, within, label.
-- Gives a row for each: its ticket, its fence when it holds at once; no ticket: it did not want to wait. Raises HF021 when
-- the owner was declared dead.
create function holdfast.locks_request(p_owner bigint, p_requests json, p_flight bigint default 0)
returns table (n integer, ticket bigint, fence bigint)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_want record;
  v_ticket bigint;
  v_fence bigint;
  v_granted integer := 0;
begin
  perform from holdfast.locks_owners o where o.id = p_owner;
  if not found then raise exception 'owner % of locks is not known any more', p_owner using errcode = 'HF021'; end if;
  perform holdfast.locks_enter(array(select k from json_array_elements(p_requests) r cross join lateral json_array_elements_text(r.value -> 'keys') k));
  for v_want in
    select w.ordinality::integer as n, array(select json_array_elements_text(w.value -> 'keys')) as keys, (w.value ->> 'shared')::boolean as is_shared,
           (w.value ->> 'ttl')::integer as ttl, (w.value ->> 'wait')::boolean as waits, (w.value ->> 'within')::bigint as within, w.value ->> 'label' as label
      from json_array_elements(p_requests) with ordinality w
  loop
    v_ticket := nextval('holdfast.locks_tickets');
    v_fence := null;
    -- Nobody is there: it holds with the first write.
    if cardinality(v_want.keys) = 1 then
      perform from holdfast.locks_requests q where q.key = v_want.keys[1] limit 1;
      if not found then v_fence := nextval('holdfast.locks_fences'); end if;
    end if;
    insert into holdfast.locks_requests as q (key, ticket, owner, is_shared, amount, ttl_ms, within, flight, label, fence, held_at)
    select k, v_ticket, p_owner, v_want.is_shared, cardinality(v_want.keys), v_want.ttl, v_want.within, p_flight, v_want.label,
           v_fence, case when v_fence is not null then clock_timestamp() end
      from unnest(v_want.keys) k;
    if v_fence is null then v_fence := holdfast.locks_grant(v_ticket); end if;
    if v_fence is not null then
      v_granted := v_granted + 1;
    elsif not v_want.waits then
      delete from holdfast.locks_requests q where q.ticket = v_ticket;
      v_ticket := null;
    end if;
    n := v_want.n; ticket := v_ticket; fence := v_fence;
    return next;
  end loop;
  -- A fence that was handed out must not be handed out again after a crash; a place in a queue may be lost.
  if v_granted = 0 then perform set_config('synchronous_commit', 'off', true); end if;
end $$;

-- A request of one key in as few statements as can be, above all where nobody holds it or waits for it.
create function holdfast.locks_request_one(
  p_owner bigint, p_key text, p_is_shared boolean, p_ttl_ms integer, p_waits boolean, p_within bigint, p_label text, p_flight bigint
) returns table (n integer, ticket bigint, fence bigint)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(hashtextextended(p_key, 6969));
  n := 1;
  insert into holdfast.locks_requests as q (key, ticket, owner, is_shared, amount, ttl_ms, within, flight, label, fence, held_at)
  select p_key, nextval('holdfast.locks_tickets'), p_owner, p_is_shared, 1, p_ttl_ms, p_within, p_flight, p_label,
         nextval('holdfast.locks_fences'), clock_timestamp()
   where exists (select from holdfast.locks_owners o where o.id = p_owner)
     and not exists (select from holdfast.locks_requests e where e.key = p_key)
  returning q.ticket, q.fence into ticket, fence;
  if found then return next; return; end if;
  -- Somebody is there, and it is waited for.
  if p_waits then
    insert into holdfast.locks_requests as q (key, ticket, owner, is_shared, amount, ttl_ms, within, flight, label)
    select p_key, nextval('holdfast.locks_tickets'), p_owner, p_is_shared, 1, p_ttl_ms, p_within, p_flight, p_label
     where exists (select from holdfast.locks_owners o where o.id = p_owner)
    returning q.ticket into ticket;
    if found then
      fence := holdfast.locks_grant(ticket);
      if fence is null then perform set_config('synchronous_commit', 'off', true); end if;
      return next;
      return;
    end if;
  end if;
  return query select r.n, r.ticket, r.fence from holdfast.locks_request(p_owner, json_build_array(json_build_object(
    'keys', array[p_key], 'shared', p_is_shared, 'ttl', p_ttl_ms, 'wait', p_waits, 'within', p_within, 'label', p_label)), p_flight) r;
end $$;

-- Ends requests, held or waiting, and grants what is next. Gives those that stay: a guarded write of theirs is under way.
create function holdfast.locks_release(p_owner bigint, p_tickets bigint[]) returns bigint[]
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_keys text[] := array(select distinct q.key from holdfast.locks_requests q where q.ticket = any(p_tickets) and q.owner = p_owner order by 1);
  v_stay bigint[];
begin
  perform holdfast.locks_enter(v_keys);
  with free as materialized (
    select q.key, q.ticket from holdfast.locks_requests q where q.ticket = any(p_tickets) and q.owner = p_owner for update skip locked)
  delete from holdfast.locks_requests q using free f where q.key = f.key and q.ticket = f.ticket;
  v_stay := array(select distinct q.ticket from holdfast.locks_requests q where q.ticket = any(p_tickets) and q.owner = p_owner);
  if holdfast.locks_settle(v_keys) = 0 then perform set_config('synchronous_commit', 'off', true); end if;
  return v_stay;
end $$;

-- The same for one that is held and has one key; anything else is a locks_release. Its row goes before the mutex is taken:
-- nobody waits for a row that is held. (Of one that waits somebody who has the mutex may be changing the row.)
create function holdfast.locks_release_one(p_owner bigint, p_ticket bigint) returns bigint[]
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_key text;
  v_next record;
  v_told text;
begin
  with free as materialized (
    select q.key, q.ticket from holdfast.locks_requests q
     where q.ticket = p_ticket and q.owner = p_owner and q.fence is not null and q.amount = 1 for update skip locked)
  delete from holdfast.locks_requests q using free f where q.key = f.key and q.ticket = f.ticket returning q.key into v_key;
  if v_key is null then return holdfast.locks_release(p_owner, array[p_ticket]); end if;
  perform pg_advisory_xact_lock(hashtextextended(v_key, 6969));
  select q.ticket, q.fence is null and q.amount = 1 and not q.is_shared and exists (
      select from holdfast.locks_owners o
       where o.id = q.owner and greatest(o.seen_at, q.asked_at) + q.ttl_ms * interval '1 millisecond' > clock_timestamp()) as is_plain
    into v_next from holdfast.locks_requests q where q.key = v_key order by q.ticket limit 1;
  -- Nearly always the next one wants to be alone, and lives.
  if v_next.is_plain then
    with granted as (
      update holdfast.locks_requests q set fence = nextval('holdfast.locks_fences'), held_at = clock_timestamp()
       where q.key = v_key and q.ticket = v_next.ticket returning q.owner, q.ticket, q.fence)
    select pg_notify('holdfast_locks_' || g.owner, 'held:' || g.ticket || ':' || g.fence)::text into v_told from granted g;
    return '{}';
  end if;
  if v_next.ticket is not null and holdfast.locks_settle(array[v_key]) > 0 then return '{}'; end if;
  perform set_config('synchronous_commit', 'off', true);
  return '{}';
end $$;

-- The heartbeat of a process, for all that it holds and waits for. Gives those of these tickets that are gone. Raises HF021
-- when the owner was declared dead.
--
-- p_known: all tickets that it has of its statements up to p_flight. Others of those are nobody's: the answer to a request
-- or to a release was lost, or came after its connection. As long as the process lives they would keep their keys.
create function holdfast.locks_beat(p_owner bigint, p_tickets bigint[], p_known bigint[] default null, p_flight bigint default null) returns bigint[]
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  v_lost bigint[];
  v_gone bigint[];
begin
  update holdfast.locks_owners o set seen_at = clock_timestamp() where o.id = p_owner;
  if not found then raise exception 'owner % of locks is not known any more', p_owner using errcode = 'HF021'; end if;
  v_gone := array(
    select t from unnest(p_tickets) t
     where not exists (select from holdfast.locks_requests q where q.ticket = t and q.owner = p_owner));
  v_lost := array(
    select distinct q.ticket from holdfast.locks_requests q left join unnest(p_known) k on k = q.ticket
     where q.owner = p_owner and q.flight <= p_flight and k is null);
  -- On the disk before the holder counts on it: a crash of the server must not find an older sign of life.
  if v_lost <> '{}' then perform holdfast.locks_release(p_owner, v_lost); end if;
  perform set_config('synchronous_commit', 'on', true);
  return v_gone;
end $$;

-- What nobody told: takes out dead ones that are in the way of these waiting tickets, and grants. Gives a row for each
-- that holds (fence) or is gone (not all of its rows are left).
create function holdfast.locks_look(p_owner bigint, p_tickets bigint[])
returns table (ticket bigint, fence bigint, is_gone boolean)
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  v_ticket bigint;
begin
  perform holdfast.locks_enter(array(select distinct q.key from holdfast.locks_requests q where q.ticket = any(p_tickets) and q.owner = p_owner));
  for v_ticket in select t from unnest(p_tickets) t order by t loop
    ticket := v_ticket;
    -- Of several keys some may have been taken out while its process was thought dead.
    select count(*) is distinct from min(q.amount) into is_gone from holdfast.locks_requests q where q.ticket = v_ticket and q.owner = p_owner;
    fence := case when not is_gone then holdfast.locks_grant(v_ticket) end;
    if is_gone or fence is not null then return next; end if;
  end loop;
end $$;

-- First in the transaction whose writes a lock is to guard: raises HF022 unless it is held with this fence, and keeps it
-- until the transaction has ended, however late the holder is. Statements of the transaction pass locks_require.
create function holdfast.locks_guard(p_ticket bigint, p_fence bigint) returns void
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  v_amount integer;
  v_row record;
  v_kept integer := 0;
begin
  for v_row in select q.amount from holdfast.locks_requests q where q.ticket = p_ticket and q.fence = p_fence for share loop
    v_kept := v_kept + 1;
    v_amount := v_row.amount;
  end loop;
  if v_kept = 0 or v_kept <> v_amount then
    raise exception 'the lock with fence % is not held any more', p_fence using errcode = 'HF022';
  end if;
  perform set_config('holdfast.lock', p_ticket || ':' || p_fence, true);
end $$;

-- Of locks whose queues are elsewhere (Redis): the fence of the last exclusive holder of each key, and of the last shared
-- one. A fence is drawn once the rows are locked, so those of a key only rise, and whoever draws one waits for guarded writes
-- under lower ones: an exclusive holder for all, a shared one for those of exclusive holders. Which waits for which is left to
-- the strength of the row locks: draws take FOR UPDATE and FOR NO KEY UPDATE, guarded writes FOR SHARE and FOR KEY SHARE.
create table holdfast.locks_marks (
  key          text primary key,
  fence        bigint not null,
  shared_fence bigint not null default 0,
  marked_at    timestamptz not null default clock_timestamp()
);
create index locks_marks_marked_at on holdfast.locks_marks (marked_at);
comment on table holdfast.locks_marks is 'Fences of locks whose queues are elsewhere: a guarded write is refused where another fence is here.';

create function holdfast.locks_mark(p_keys text[], p_is_shared boolean) returns bigint
language plpgsql
set enable_seqscan = off
as $$
declare
  v_fence bigint;
begin
  insert into holdfast.locks_marks (key, fence) select k, 0 from unnest(p_keys) k order by k on conflict (key) do nothing;
  if p_is_shared then
    perform from holdfast.locks_marks m where m.key = any(p_keys) order by m.key for no key update;
    v_fence := nextval('holdfast.locks_fences');
    -- Without it an exclusive holder that a Redis without its data has forgotten could write while shared ones read.
    update holdfast.locks_marks m set shared_fence = v_fence where m.key = any(p_keys);
    return v_fence;
  end if;
  perform from holdfast.locks_marks m where m.key = any(p_keys) order by m.key for update;
  v_fence := nextval('holdfast.locks_fences');
  update holdfast.locks_marks m set fence = v_fence, marked_at = clock_timestamp() where m.key = any(p_keys);
  return v_fence;
end $$;

-- As locks_guard: raises HF022 unless no other holder has drawn a fence since. A shared one stands beside other shared ones.
create function holdfast.locks_guard_mark(p_keys text[], p_fence bigint, p_is_shared boolean) returns void
language plpgsql
set enable_seqscan = off
as $$
declare
  v_row record;
  v_kept integer := 0;
begin
  if p_is_shared then
    for v_row in select from holdfast.locks_marks m where m.key = any(p_keys) and m.fence < p_fence order by m.key for key share loop
      v_kept := v_kept + 1;
    end loop;
  else
    for v_row in select from holdfast.locks_marks m
                  where m.key = any(p_keys) and m.fence = p_fence and m.shared_fence < p_fence order by m.key for share loop
      v_kept := v_kept + 1;
    end loop;
  end if;
  if v_kept <> cardinality(p_keys) then
    raise exception 'the lock with fence % is not held any more', p_fence using errcode = 'HF022';
  end if;
  perform set_config('holdfast.lock', 'mark:' || p_fence, true);
end $$;

-- A trigger for tables that only holders of a lock may write to: of the key that its first argument names, with the value
-- of the column that its second argument names behind it (then for each row).
create function holdfast.locks_require() returns trigger
language plpgsql as $$
declare
  v_lock text[] := string_to_array(current_setting('holdfast.lock', true), ':');
  v_key text := TG_ARGV[0];
begin
  if TG_NARGS > 1 then
    if TG_OP = 'DELETE' then v_key := v_key || (to_jsonb(OLD) ->> TG_ARGV[1]);
    else v_key := v_key || (to_jsonb(NEW) ->> TG_ARGV[1]); end if;
  end if;
  if v_lock[1] = 'mark' then
    perform from holdfast.locks_marks m where m.key = v_key and m.fence = v_lock[2]::bigint and m.shared_fence < m.fence for share;
  else
    perform from holdfast.locks_requests q
     where q.key = v_key and q.ticket = nullif(v_lock[1], '')::bigint and q.fence = v_lock[2]::bigint and not q.is_shared for share;
  end if;
  if not found then
    raise exception 'a write to % without the lock %', TG_TABLE_NAME, v_key using errcode = 'HF023',
      hint = 'Write inside of lock.fenced(…), with a lock of this key.';
  end if;
  if TG_OP = 'DELETE' then return OLD; end if;
  return NEW;
end $$;

-- A lock of the transaction: held until it ends, or until its connection has done nothing for p_ttl_ms.
create function holdfast.locks_short(p_key text, p_ttl_ms integer, p_wait_ms integer) returns void
language plpgsql as $$
declare
  v_set text := set_config('idle_in_transaction_session_timeout', p_ttl_ms::text, true);
begin
  -- Does not overtake those who wait.
  if not pg_try_advisory_xact_lock(hashtextextended(p_key, 6970)) then
    -- 0 would mean for ever.
    v_set := set_config('lock_timeout', greatest(p_wait_ms, 1)::text, true);
    perform pg_advisory_xact_lock(hashtextextended(p_key, 6970));
    v_set := set_config('lock_timeout', '0', true);
  end if;
  if current_setting('server_version_num')::integer >= 170000 then v_set := set_config('transaction_timeout', p_ttl_ms::text, true); end if;
end $$;

-- Tickets that wait in a circle with this one, itself among them; null: there is none. It knows of locks that were asked for
-- in the scope of another one. Steps lead from who waits to those who wait in the scopes of what is in its way: breadth
-- first, each once. In its way is all before the last exclusive one ahead of it, as that one waits for it too; of what
-- waits there only requests of several keys lead anywhere else.
create function holdfast.locks_find_circle(p_ticket bigint) returns bigint[]
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  c_most constant integer := 1000;
  v_nodes bigint[] := array[p_ticket];
  v_parents integer[] := array[0];
  v_at integer := 1;
  v_next bigint;
  v_path bigint[] := '{}';
begin
  while v_at <= least(cardinality(v_nodes), c_most) loop
    for v_next in
      with recursive bounds as (
        select m.key, case when m.is_shared
                 then (select max(b.ticket) from holdfast.locks_requests b where b.key = m.key and b.ticket < m.ticket and not b.is_shared)
                 else m.ticket - 1 end as upto
          from holdfast.locks_requests m where m.ticket = v_nodes[v_at] and m.fence is null),
      ahead as (
        select e.ticket, e.fence from bounds d join holdfast.locks_requests e on e.key = d.key and e.ticket <= d.upto
         where e.fence is not null or e.amount > 1),
      inside (ticket, fence) as (
        select q.ticket, q.fence from ahead a join holdfast.locks_requests q on q.within = a.ticket where a.fence is not null
        union
        select q.ticket, q.fence from inside i join holdfast.locks_requests q on q.within = i.ticket where i.fence is not null)
      select i.ticket from inside i where i.fence is null union select a.ticket from ahead a where a.fence is null
    loop
      if v_next = p_ticket then
        while v_at > 0 loop
          v_path := v_nodes[v_at] || v_path;
          v_at := v_parents[v_at];
        end loop;
        return v_path;
      end if;
      continue when v_next = any(v_nodes);
      v_nodes := v_nodes || v_next;
      v_parents := v_parents || v_at;
    end loop;
    v_at := v_at + 1;
  end loop;
  return null;
end $$;

-- Deletes owners that hold and wait for nothing and were not seen for a while, and what is left of dead ones.
create function holdfast.locks_sweep(p_most integer) returns void
language plpgsql as $$
declare
  v_keys text[];
begin
  v_keys := array(
    select distinct q.key from holdfast.locks_requests q left join holdfast.locks_owners o on o.id = q.owner
     where o.id is null or greatest(o.seen_at, q.asked_at, q.held_at) + q.ttl_ms * interval '1 millisecond' < clock_timestamp() order by 1 limit p_most);
  if v_keys <> '{}' then
    perform holdfast.locks_enter(v_keys);
    with dead as materialized (
      select q.key, q.ticket from holdfast.locks_requests q
       where q.key = any(v_keys) and not holdfast.locks_is_live(q) for update skip locked)
    delete from holdfast.locks_requests q using dead d where q.key = d.key and q.ticket = d.ticket;
    perform holdfast.locks_settle(v_keys);
  end if;
  -- A guarded write of a lock that was held for longer is refused.
  delete from holdfast.locks_marks m where m.key in (
    select s.key from holdfast.locks_marks s where s.marked_at < clock_timestamp() - interval '30 days' order by s.marked_at limit p_most for update skip locked);
  delete from holdfast.locks_owners o where o.seen_at < clock_timestamp() - interval '1 hour'
     and not exists (select from holdfast.locks_requests q where q.owner = o.id);
end $$;

-- For any language. Gives a token and a fence, or nulls when the lock is somebody else's. The lease lasts until unlock, or
-- ttl after the last renew. All three in transactions of their own, which commit at once: others see only what is committed.
create function holdfast.try_lock(key text, ttl interval default '30 seconds', label text default null, out token bigint, out fence bigint)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_owner bigint;
  v_got record;
begin
  insert into holdfast.locks_owners (name) values (coalesce(label, current_setting('application_name'), '')) returning id into v_owner;
  select r.ticket, r.fence into v_got from holdfast.locks_request(v_owner, json_build_array(json_build_object(
    'keys', array[key], 'shared', false, 'ttl', (extract(epoch from ttl) * 1000)::integer, 'wait', false, 'label', label))) r;
  if v_got.ticket is null then
    delete from holdfast.locks_owners o where o.id = v_owner;
    return;
  end if;
  token := v_got.ticket;
  fence := v_got.fence;
end $$;

-- False: the lock was lost.
create function holdfast.renew_lock(token bigint) returns boolean
language plpgsql as $$
declare
  v_owner bigint := (select q.owner from holdfast.locks_requests q where q.ticket = token limit 1);
begin
  if v_owner is null then return false; end if;
  return cardinality(holdfast.locks_beat(v_owner, array[token])) = 0;
end $$;

-- False: the lock was lost before.
create function holdfast.unlock(token bigint) returns boolean
language plpgsql as $$
declare
  v_owner bigint := (select q.owner from holdfast.locks_requests q where q.ticket = token limit 1);
begin
  if v_owner is null then return false; end if;
  perform holdfast.locks_release(v_owner, array[token]);
  delete from holdfast.locks_owners o where o.id = v_owner and not exists (select from holdfast.locks_requests q where q.owner = v_owner);
  return true;
end $$;

-- Holders and waiters by key, whom each waits behind, and whether its process is alive.
create view holdfast.locks_overview as
  select q.key, q.ticket, case when q.fence is not null then 'held' else 'waiting' end as state,
         case when q.is_shared then 'shared' else 'exclusive' end as mode, q.fence, q.label, o.name as owner, q.owner as owner_id,
         q.asked_at, q.held_at, case when o.id is not null then greatest(o.seen_at, q.asked_at, q.held_at) + q.ttl_ms * interval '1 millisecond' end as lease_ends_at,
         q.within
    from holdfast.locks_requests q left join holdfast.locks_owners o on o.id = q.owner;
comment on view holdfast.locks_overview is 'Holders and waiters of locks. Of a key the lowest ticket comes first.';
