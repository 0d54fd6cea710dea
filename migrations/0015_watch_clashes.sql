-- Watching: pairs of requests that can collide, and what keeps others apart.
--
-- Routes, statements without their values, tables and columns; no parameter and no value of a row. Several processes write
-- the same row. What a replay has shown is added by whoever replayed it.
-- class: expand

create table holdfast.watch_clashes (
  id             text primary key,
  kind           text not null,
  on_table       text not null,
  first_route    text not null,
  second_route   text not null,
  protected_by   text,
  real_overlaps  bigint not null,
  window_ms      double precision not null,
  requests       bigint not null,
  detail         jsonb not null,
  replay         jsonb,
  replayed_at    timestamptz,
  first_seen_at  timestamptz not null default now(),
  last_seen_at   timestamptz not null default now()
);
create index watch_clashes_by_overlaps on holdfast.watch_clashes ((protected_by is null) desc, real_overlaps desc, window_ms desc);
comment on table holdfast.watch_clashes is 'Two routes that can meet at rows of a table so that one writes what neither order would have; with protected_by, what prevents it.';
comment on column holdfast.watch_clashes.real_overlaps is 'Requests that were really between reading and writing the same row at the same time, of those that were followed.';
comment on column holdfast.watch_clashes.window_ms is 'The longest time between the read and the write.';
comment on column holdfast.watch_clashes.replay is 'What a replay on a clone has shown: verdict, schedule, figures.';

create or replace function holdfast.watch_forget(p_minutes_ms double precision, p_hours_ms double precision, p_most integer) returns integer
language sql as $$
  with old as (
    select s.ctid from holdfast.watch_series s
     where s.minutes = 1 and s.began_at < now() - p_minutes_ms * interval '1 ms'
        or s.minutes = 60 and s.began_at < now() - p_hours_ms * interval '1 ms'
     limit p_most for update skip locked),
  gone as (
    delete from holdfast.watch_series s using old where s.ctid = old.ctid returning 1),
  old_outbound as (
    select o.ctid from holdfast.watch_outbound o
     where o.minutes = 1 and o.began_at < now() - p_minutes_ms * interval '1 ms'
        or o.minutes = 60 and o.began_at < now() - p_hours_ms * interval '1 ms'
     limit p_most for update skip locked),
  gone_outbound as (
    delete from holdfast.watch_outbound o using old_outbound where o.ctid = old_outbound.ctid returning 1),
  gone_sightings as (
    delete from holdfast.watch_sightings s where s.ctid = any (array(
      select x.ctid from holdfast.watch_sightings x where x.minutes = 1 and x.began_at < now() - p_minutes_ms * interval '1 ms'
          or x.minutes = 60 and x.began_at < now() - p_hours_ms * interval '1 ms'
       limit p_most for update skip locked))
    returning 1),
  gone_findings as (
    delete from holdfast.watch_findings f where f.last_seen_at < now() - p_hours_ms * interval '1 ms' returning 1),
  gone_clashes as (
    delete from holdfast.watch_clashes c where c.last_seen_at < now() - p_hours_ms * interval '1 ms' returning 1),
  gone_plans as (
    delete from holdfast.watch_plans p where p.last_seen_at < now() - p_hours_ms * interval '1 ms' returning 1)
  select greatest((select count(*) from gone), (select count(*) from gone_outbound), (select count(*) from gone_sightings))::int
$$;
