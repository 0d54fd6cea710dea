-- Holds: so many of something, or units with names, for a while; then they are confirmed, or come back.
--
-- A stock is a number in a row; units are rows with a column that names their hold. Both are tables of ours, or tables of
-- the user's that holds_sources describes. A hold takes at once and is a row of its own. Confirming changes that row alone:
-- the row of a stock, which all buyers share, is never locked for as long as a transaction of the user's takes.
-- class: expand

create table holdfast.holds_sources (
  id              smallint generated always as identity primary key,
  name            text not null unique check (length(name) between 1 and 100),
  kind            text not null check (kind in ('stock', 'units')),
  relation        text not null,
  resource_column text not null,
  free_column     text,
  unit_column     text,
  hold_column     text,
  unit_type       text,
  created_at      timestamptz not null default now()
);
comment on table holdfast.holds_sources is 'What holds are taken from: tables and their columns, so that any process can put back what has expired.';

create table holdfast.holds_stock (
  resource     text primary key,
  total        bigint not null check (total >= 0),
  free         bigint not null check (free >= 0)
);
comment on table holdfast.holds_stock is 'Stock of those who have no table for it. The check is the last line: no statement can take more than there is.';

create table holdfast.holds_units (
  resource     text not null,
  unit         text not null,
  hold_id      bigint,
  primary key (resource, unit)
);
create index holds_units_free on holdfast.holds_units (resource, unit) where hold_id is null;
comment on table holdfast.holds_units is 'Units of those who have no table for them. Free: no hold_id.';

create sequence holdfast.holds_ids as bigint;

create table holdfast.holds_taken (
  id           bigint primary key,
  source       smallint not null,
  resource     text not null,
  quantity     integer not null check (quantity > 0),
  units        text[],
  key          text,
  owner        text,
  is_confirmed boolean not null default false,
  created_at   timestamptz not null default now(),
  expires_at   timestamptz not null
);
create unique index holds_taken_key on holdfast.holds_taken (source, resource, key) where key is not null;
create index holds_taken_expiry on holdfast.holds_taken (expires_at) where not is_confirmed;
create index holds_taken_held on holdfast.holds_taken (source, resource, expires_at) where not is_confirmed;
comment on table holdfast.holds_taken is 'What is held or was confirmed. A hold that was released or has expired is gone.';

-- Makes a source known; gives its id. Raises HF034 where a column does not exist, HF035 where the name is another source.
create function holdfast.holds_register(
  p_name text, p_kind text, p_relation text, p_resource_column text, p_free_column text, p_unit_column text, p_hold_column text
) returns smallint
language plpgsql as $$
declare
  v_id smallint;
  v_relation regclass := to_regclass(p_relation);
  v_name text := (select format('%I.%I', s.nspname, c.relname) from pg_class c join pg_namespace s on s.oid = c.relnamespace where c.oid = v_relation);
  v_missing text;
begin
  if v_relation is null then raise exception 'there is no table %', p_relation using errcode = 'HF034'; end if;
  select c into v_missing from unnest(array[p_resource_column, p_free_column, p_unit_column, p_hold_column]) c
   where c is not null and not exists (
     select from pg_attribute a where a.attrelid = v_relation and a.attname = c and a.attnum > 0 and not a.attisdropped) limit 1;
  if found then raise exception 'table % has no column %', p_relation, v_missing using errcode = 'HF034'; end if;
  insert into holdfast.holds_sources as s (name, kind, relation, resource_column, free_column, unit_column, hold_column, unit_type)
  values (p_name, p_kind, v_name, p_resource_column, p_free_column, p_unit_column, p_hold_column,
          (select format_type(a.atttypid, a.atttypmod) from pg_attribute a where a.attrelid = v_relation and a.attname = p_unit_column))
  on conflict (name) do nothing;
  select s.id into v_id from holdfast.holds_sources s
   where s.name = p_name and s.kind = p_kind and s.relation = v_name and s.resource_column = p_resource_column
     and (s.free_column, s.unit_column, s.hold_column) is not distinct from (p_free_column, p_unit_column, p_hold_column);
  if not found then raise exception 'source % is known with another table or other columns', p_name using errcode = 'HF035'; end if;
  return v_id;
end $$;

-- Puts back what these holds of one resource had; their rows are gone already. Gives how much of a stock.
create function holdfast.holds_put_back(s holdfast.holds_sources, p_resource text, p_ids bigint[], p_quantity bigint, p_units text[]) returns bigint
language plpgsql as $$
begin
  if p_ids is null then return 0; end if;
  if s.kind = 'stock' then
    execute format('update %s set %I = %I + $1 where %I = %L', s.relation, s.free_column, s.free_column, s.resource_column, p_resource)
      using p_quantity;
  else
    execute format('update %s set %I = null where %I = %L and %I = any(%L) and %I = any($1)',
      s.relation, s.hold_column, s.resource_column, p_resource, s.unit_column, p_units, s.hold_column) using p_ids;
  end if;
  return p_quantity;
end $$;

-- Takes back up to p_most holds of a resource that have expired; those that are being confirmed are passed by. Gives how
-- much that was.
create function holdfast.holds_reclaim(s holdfast.holds_sources, p_resource text, p_most integer) returns bigint
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_ids bigint[];
  v_quantity bigint;
  v_units text[];
begin
  with expired as materialized (
    select t.id from holdfast.holds_taken t
     where t.source = s.id and t.resource = p_resource and not t.is_confirmed and t.expires_at <= v_now
     order by t.expires_at limit p_most for update skip locked),
  gone as (delete from holdfast.holds_taken t using expired e where t.id = e.id returning t.id, t.quantity, t.units)
  select array_agg(g.id), coalesce(sum(g.quantity), 0), (select array_agg(u) from gone h, unnest(h.units) u)
    into v_ids, v_quantity, v_units from gone g;
  return holdfast.holds_put_back(s, p_resource, v_ids, v_quantity, v_units);
end $$;

-- Takes from a stock for many at once, in their order; who asks for more than is left gets nothing, and the next one may.
-- Gives a row for each: what became of it, and how much is free then.
--   new; again: its key has a hold already; reused: that one asked for something else; short: not so much is left;
--   unknown: there is no such resource; twin: its key is in this call, or another one that is under way, a second time
-- Or one row for all, as hundreds of rows take longer to tell than to write: n is 0, ids are theirs, expires_at is now.
create function holdfast.holds_take_stock(
  p_source smallint, p_resource text, p_quantities integer[], p_ttl_ms float8[], p_keys text[], p_owners text[]
) returns table (n integer, state text, id bigint, expires_at timestamptz, free bigint, ids text)
language plpgsql as $$
#variable_conflict use_column
declare
  s holdfast.holds_sources;
  v_now timestamptz := clock_timestamp();
  v_free bigint;
  v_taken bigint := 0;
  v_known holdfast.holds_taken;
  v_has_reclaimed boolean := false;
  v_ids bigint[] := '{}';
  v_ns integer[] := '{}';
begin
  select o.* into strict s from holdfast.holds_sources o where o.id = p_source;
  -- Nearly always there is enough for all: written down before the row is locked, which is then for the time of the commit
  -- alone. Not with keys: who waits for a key's twin must not be waited for by it, with the row.
  if num_nonnulls(variadic p_keys) = 0 then
    v_taken := (select sum(q) from unnest(p_quantities) q);
    v_ids := array(select nextval('holdfast.holds_ids') from unnest(p_quantities));
    insert into holdfast.holds_taken as t (id, source, resource, quantity, owner, expires_at)
    select g.id, p_source, p_resource, g.quantity, g.owner, v_now + g.ttl * interval '1 millisecond'
      from unnest(v_ids, p_quantities, p_owners, p_ttl_ms) g (id, quantity, owner, ttl);
    execute format('update %s set %I = %I - $1 where %I = %L and %I >= $1 returning %I',
      s.relation, s.free_column, s.free_column, s.resource_column, p_resource, s.free_column, s.free_column) into v_free using v_taken;
    if v_free is not null then
      n := 0; state := 'all'; expires_at := v_now; free := v_free; ids := array_to_string(v_ids, ',');
      return next;
      return;
    end if;
    delete from holdfast.holds_taken t where t.id = any(v_ids);
    v_taken := 0;
    v_ids := '{}';
  end if;
  -- All that follows is alone with this stock.
  execute format('select %I from %s where %I = %L for no key update', s.free_column, s.relation, s.resource_column, p_resource) into v_free;
  for i in 1 .. cardinality(p_quantities) loop
    n := i; id := null; expires_at := null; free := v_free - v_taken; state := 'unknown';
    if v_free is null then return next; continue; end if;
    if p_keys[i] is not null then
      if p_keys[i] = any(p_keys[:i - 1]) then state := 'twin'; return next; continue; end if;
      select t.* into v_known from holdfast.holds_taken t where t.source = p_source and t.resource = p_resource and t.key = p_keys[i];
      if found and (v_known.is_confirmed or v_known.expires_at > v_now) then
        id := v_known.id; expires_at := v_known.expires_at;
        state := case when v_known.quantity = p_quantities[i] then 'again' else 'reused' end;
        return next; continue;
      end if;
      -- It has expired, and is in the way of the new one.
      if found then v_free := v_free + holdfast.holds_reclaim(s, p_resource, 10000); end if;
    end if;
    if p_quantities[i] > v_free - v_taken and not v_has_reclaimed then
      v_free := v_free + holdfast.holds_reclaim(s, p_resource, 10000);
      v_has_reclaimed := true;
    end if;
    free := v_free - v_taken;
    if p_quantities[i] > free then state := 'short'; return next; continue; end if;
    v_taken := v_taken + p_quantities[i];
    v_ids := v_ids || nextval('holdfast.holds_ids');
    v_ns := v_ns || i;
  end loop;
  if v_taken = 0 then return; end if;
  execute format('update %s set %I = %I - $1 where %I = %L', s.relation, s.free_column, s.free_column, s.resource_column, p_resource)
    using v_taken;
  return query
    insert into holdfast.holds_taken as t (id, source, resource, quantity, key, owner, expires_at)
    select g.id, p_source, p_resource, p_quantities[g.n], p_keys[g.n], p_owners[g.n], v_now + p_ttl_ms[g.n] * interval '1 millisecond'
      from unnest(v_ids, v_ns) g (id, n)
    returning v_ns[array_position(v_ids, t.id)], 'new', t.id, t.expires_at, v_free - v_taken, null;
end $$;

-- Takes units for many at once. Each element of p_wants: units (names) or any (how many), ttl, key, owner. Gives a row for
-- each as holds_take_stock does, with the units that it got. taken: some of these names are not free, or do not exist; retry:
-- some are locked by somebody who may not take them after all.
create function holdfast.holds_take_units(p_source smallint, p_resource text, p_wants json)
returns table (n integer, state text, id bigint, expires_at timestamptz, free bigint, units text[])
language plpgsql as $$
#variable_conflict use_column
declare
  s holdfast.holds_sources;
  v_now timestamptz := clock_timestamp();
  v_want record;
  v_known record;
  v_named text[];
  v_free text[];
  v_any text[];
  v_amount integer;
  v_got text[];
  v_ids bigint[] := '{}';
  v_unit_ids bigint[] := '{}';
  v_units text[] := '{}';
begin
  select o.* into strict s from holdfast.holds_sources o where o.id = p_source;
  v_named := array(select distinct u from json_array_elements(p_wants) w cross join lateral json_array_elements_text(coalesce(w.value -> 'units', '[]')) u);
  v_amount := (select coalesce(sum((w.value ->> 'any')::integer), 0) from json_array_elements(p_wants) w);
  v_free := holdfast.holds_lock_units(s, p_resource, v_named, cardinality(v_named));
  if cardinality(v_free) < cardinality(v_named) then
    perform holdfast.holds_reclaim(s, p_resource, 10000);
    v_free := holdfast.holds_lock_units(s, p_resource, v_named, cardinality(v_named));
  end if;
  if v_amount > 0 then
    -- As many more as have names: those may be among them.
    v_amount := v_amount + cardinality(v_named);
    v_any := holdfast.holds_lock_units(s, p_resource, null, v_amount);
    if cardinality(v_any) < v_amount then
      perform holdfast.holds_reclaim(s, p_resource, 10000);
      v_any := holdfast.holds_lock_units(s, p_resource, null, v_amount);
    end if;
    v_any := array(select u from unnest(v_any) u where u <> all(v_named));
  end if;
  for v_want in
    select w.ordinality::integer as n, w.value as want, w.value ->> 'key' as key, (w.value ->> 'any')::integer as amount,
           case when w.value ->> 'any' is null then array(select json_array_elements_text(w.value -> 'units')) end as named
      from json_array_elements(p_wants) with ordinality w
  loop
    n := v_want.n; id := null; expires_at := null; free := cardinality(v_any); units := null;
    if v_want.key is not null then
      select t.* into v_known from holdfast.holds_taken t
       where t.source = p_source and t.resource = p_resource and t.key = v_want.key;
      if found and (v_known.is_confirmed or v_known.expires_at > v_now) then
        id := v_known.id; expires_at := v_known.expires_at; units := v_known.units;
        state := case when v_known.quantity = coalesce(v_want.amount, cardinality(v_want.named)) and (v_want.named is null or v_want.named <@ v_known.units)
          then 'again' else 'reused' end;
        return next; continue;
      end if;
      if found then
        perform holdfast.holds_reclaim(s, p_resource, 10000);
      end if;
    end if;
    if v_want.named is not null then
      units := array(select u from unnest(v_want.named) u where u <> all(v_free));
      if units <> '{}' then
        state := case when holdfast.holds_has_free(s, p_resource, units, v_units) then 'retry' else 'taken' end;
        return next; continue;
      end if;
      v_got := v_want.named;
      v_free := array(select u from unnest(v_free) u where u <> all(v_got));
    else
      if cardinality(v_any) < v_want.amount then
        state := case when holdfast.holds_has_free(s, p_resource, null, v_any || v_free || v_units) then 'retry' else 'short' end;
        return next; continue;
      end if;
      v_got := v_any[1:v_want.amount];
      v_any := v_any[v_want.amount + 1:];
    end if;
    insert into holdfast.holds_taken as t (id, source, resource, quantity, units, key, owner, expires_at)
    values (nextval('holdfast.holds_ids'), p_source, p_resource, cardinality(v_got), v_got, v_want.key, v_want.want ->> 'owner',
            v_now + (v_want.want ->> 'ttl')::float8 * interval '1 millisecond')
    on conflict do nothing returning t.id, t.expires_at into id, expires_at;
    -- Its key was taken meanwhile by somebody else's flight.
    if id is null then state := 'twin'; return next; continue; end if;
    v_unit_ids := v_unit_ids || array_fill(id, array[cardinality(v_got)]);
    v_units := v_units || v_got;
    state := 'new'; units := v_got;
    return next;
  end loop;
  if v_units = '{}' then return; end if;
  execute format('update %s t set %I = u.id from unnest($1, $2) u (id, unit) where t.%I = %L and t.%I = u.unit::%s',
    s.relation, s.hold_column, s.resource_column, p_resource, s.unit_column, s.unit_type) using v_unit_ids, v_units;
end $$;

-- Free units of a resource, locked: of these names, or any. Not those that somebody else is taking. A foreign key that
-- refers to a unit does not hold it up.
create function holdfast.holds_lock_units(s holdfast.holds_sources, p_resource text, p_units text[], p_most integer) returns text[]
language plpgsql as $$
declare
  v_units text[];
begin
  if p_most = 0 then return '{}'; end if;
  execute format('select coalesce(array_agg(f.unit), ''{}'') from (
    select t.%1$I::text as unit from %2$s t where t.%3$I = %4$L and t.%5$I is null %6$s order by t.%1$I limit $1 for no key update skip locked) f',
    s.unit_column, s.relation, s.resource_column, p_resource, s.hold_column,
    case when p_units is null then '' else format('and %I = any(%L)', s.unit_column, p_units) end)
    into v_units using p_most;
  return v_units;
end $$;

-- Whether there are free units beside these: somebody has them locked, and may not take them after all.
create function holdfast.holds_has_free(s holdfast.holds_sources, p_resource text, p_units text[], p_beside text[]) returns boolean
language plpgsql as $$
declare
  v_has boolean;
begin
  execute format('select exists (select from %s where %I = %L and %I is null %s and %I::text <> all($1))',
    s.relation, s.resource_column, p_resource, s.hold_column,
    case when p_units is null then '' else format('and %I = any(%L)', s.unit_column, p_units) end, s.unit_column)
    into v_has using coalesce(p_beside, '{}');
  return v_has;
end $$;

-- The holds, locked. Raises HF031 for one that is gone or has expired, HF032 for one of another owner. A confirmed one has no end.
create function holdfast.holds_require(p_ids bigint[], p_owner text) returns setof holdfast.holds_taken
language plpgsql as $$
declare
  v_hold holdfast.holds_taken;
  v_seen bigint[] := '{}';
  v_now timestamptz;
  v_missing bigint;
begin
  for v_hold in select t.* from holdfast.holds_taken t where t.id = any(p_ids) order by t.id for no key update loop
    v_now := clock_timestamp();
    if v_hold.owner is distinct from p_owner then
      raise exception 'hold % belongs to another owner', v_hold.id using errcode = 'HF032';
    end if;
    if not v_hold.is_confirmed and v_hold.expires_at <= v_now then
      raise exception 'hold % expired % ms ago', v_hold.id, round(extract(epoch from v_now - v_hold.expires_at) * 1000) using errcode = 'HF031';
    end if;
    v_seen := v_seen || v_hold.id;
    return next v_hold;
  end loop;
  select min(u) into v_missing from (select unnest(p_ids) except select unnest(v_seen)) missing (u);
  if v_missing is not null then
    raise exception 'hold % is gone: it has expired, was released, or never was', v_missing using errcode = 'HF031';
  end if;
end $$;

-- The holds become lasting, in the caller's transaction: from here on nothing takes them back. One that was confirmed before
-- is as it was.
create function holdfast.holds_confirm(p_ids bigint[], p_owner text)
returns table (id bigint, source smallint, resource text, quantity integer, units text[], was_confirmed boolean)
language plpgsql as $$
#variable_conflict use_column
begin
  return query select h.id, h.source, h.resource, h.quantity, h.units, h.is_confirmed from holdfast.holds_require(p_ids, p_owner) h;
  update holdfast.holds_taken t set is_confirmed = true where t.id = any(p_ids) and not t.is_confirmed;
end $$;

-- The holds end in so long, or when they would have: never earlier.
create function holdfast.holds_extend(p_ids bigint[], p_owner text, p_ttl_ms double precision)
returns table (id bigint, source smallint, resource text, quantity integer, units text[], is_confirmed boolean, expires_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
  v_until timestamptz := clock_timestamp() + p_ttl_ms * interval '1 ms';
begin
  return query select h.id, h.source, h.resource, h.quantity, h.units, h.is_confirmed, greatest(h.expires_at, v_until)
    from holdfast.holds_require(p_ids, p_owner) h;
  update holdfast.holds_taken t set expires_at = v_until
   where t.id = any(p_ids) and not t.is_confirmed and t.expires_at < v_until;
end $$;

-- Puts holds back. One that is gone is no error: nobody has it any more. Raises HF032 for one of another owner, HF033 for a
-- confirmed one unless p_confirmed. Gives how many were put back.
create function holdfast.holds_release(p_ids bigint[], p_owner text, p_confirmed boolean) returns integer
language plpgsql as $$
declare
  s holdfast.holds_sources;
  v_hold holdfast.holds_taken;
  v_done integer := 0;
begin
  for v_hold in select t.* from holdfast.holds_taken t where t.id = any(p_ids) order by t.source, t.resource, t.id for update loop
    if v_hold.owner is distinct from p_owner then
      raise exception 'hold % belongs to another owner', v_hold.id using errcode = 'HF032';
    end if;
    if v_hold.is_confirmed and not p_confirmed then
      raise exception 'hold % has been confirmed', v_hold.id using errcode = 'HF033';
    end if;
    delete from holdfast.holds_taken t where t.id = v_hold.id;
    select o.* into strict s from holdfast.holds_sources o where o.id = v_hold.source;
    perform holdfast.holds_put_back(s, v_hold.resource, array[v_hold.id], v_hold.quantity, v_hold.units);
    v_done := v_done + 1;
  end loop;
  return v_done;
end $$;

-- Takes back what has expired, of any source, a resource at a time; gives how many resources it touched.
create function holdfast.holds_sweep(p_most integer) returns integer
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_done integer := 0;
  v_due record;
  s holdfast.holds_sources;
begin
  for v_due in
    select distinct e.source, e.resource from (
      select t.source, t.resource from holdfast.holds_taken t where not t.is_confirmed and t.expires_at <= v_now order by t.expires_at limit p_most) e
     order by e.source, e.resource
  loop
    select o.* into s from holdfast.holds_sources o where o.id = v_due.source;
    continue when not found;
    begin
      perform holdfast.holds_reclaim(s, v_due.resource, p_most);
      v_done := v_done + 1;
    exception when undefined_table or undefined_column then
      -- One whose table is gone must not keep all others from what is theirs.
      null;
    end;
  end loop;
  return v_done;
end $$;

-- What is free and what is held of a resource; free is null where there is no such one. Of units the free ones are counted:
-- by the index over those alone.
create function holdfast.holds_totals(p_source smallint, p_resource text, out free bigint, out held bigint)
language plpgsql as $$
declare
  s holdfast.holds_sources;
begin
  select o.* into strict s from holdfast.holds_sources o where o.id = p_source;
  select coalesce(sum(t.quantity), 0) into held from holdfast.holds_taken t where t.source = p_source and t.resource = p_resource and not t.is_confirmed;
  if s.kind = 'stock' then
    execute format('select %I from %s where %I = %L', s.free_column, s.relation, s.resource_column, p_resource) into free;
  else
    execute format('select count(*) from %s where %I = %L and %I is null', s.relation, s.resource_column, p_resource, s.hold_column) into free;
  end if;
end $$;
