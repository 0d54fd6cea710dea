-- Watching: the plans of statements, when each was in use, what was found, and when versions were deployed.
--
-- A plan is kept as its shape: operators, relations, indexes, conditions without their values. No parameter and no literal
-- comes here. Several processes add to one row; a repeated write may count a sighting twice, which changes no verdict.
-- class: expand

create table holdfast.watch_plans (
  statement      bigint not null,
  shape          bigint not null,
  tree           jsonb not null,
  is_inferred    boolean not null,
  seen           bigint not null,
  typical_ms     double precision not null,
  slow_ms        double precision not null,
  cost           double precision not null,
  facts          jsonb,
  first_seen_at  timestamptz not null default now(),
  last_seen_at   timestamptz not null default now(),
  primary key (statement, shape)
);
comment on table holdfast.watch_plans is 'The shapes of plan that a statement has been seen with. The id is a hash of operators, relations and indexes.';
comment on column holdfast.watch_plans.is_inferred is 'Re-created: the application''s session said that it used a generic plan.';
comment on column holdfast.watch_plans.typical_ms is 'The median of executions that were explained; slow_ms is the longest of them.';
comment on column holdfast.watch_plans.facts is 'Sizes, statistics and indexes of its tables when it was last seen.';

create table holdfast.watch_sightings (
  minutes        smallint not null check (minutes in (1, 60)),
  began_at       timestamptz not null,
  statement      bigint not null,
  shape          bigint not null,
  seen           integer not null,
  most_ms        double precision not null,
  primary key (minutes, began_at, statement, shape)
);
comment on table holdfast.watch_sightings is 'Which plan a statement had, by the minute and by the hour: of executions that were explained.';

create table holdfast.watch_findings (
  id             bigint generated always as identity primary key,
  kind           text not null,
  statement      bigint not null,
  subject        text not null,
  severity       text not null check (severity in ('info', 'watch', 'act')),
  route          text not null,
  sentence       text not null,
  evidence       jsonb not null,
  fix            text not null,
  prove          text not null,
  seen           bigint not null default 1,
  first_seen_at  timestamptz not null default now(),
  last_seen_at   timestamptz not null default now(),
  unique (kind, statement, subject)
);
create index watch_findings_by_time on holdfast.watch_findings (last_seen_at desc);
comment on table holdfast.watch_findings is 'What somebody should know, with its evidence, a fix, and a command that shows it. Seen again, it is the same row.';

create table holdfast.watch_deploys (
  label          text primary key,
  began_at       timestamptz not null default now()
);
comment on table holdfast.watch_deploys is 'Versions of the application, and when a process of each was first seen.';

create table holdfast.watch_outbound (
  minutes        smallint not null check (minutes in (1, 60)),
  began_at       timestamptz not null,
  process        bigint not null,
  route          text not null,
  segment        text not null,
  host           text not null,
  calls          bigint not null,
  total_ms       double precision not null,
  bins           bytea not null,
  primary key (minutes, began_at, process, route, segment, host)
);
comment on table holdfast.watch_outbound is 'Calls to other services that requests of a route waited for, by host.';

alter table holdfast.watch_series
  add column loop_ms double precision not null default 0,
  add column cold bigint not null default 0,
  add column cold_ms double precision not null default 0;
comment on column holdfast.watch_series.loop_ms is 'Of a route: time that its requests waited for the event loop.';
comment on column holdfast.watch_series.cold is 'Of a route: requests that were among the first after their process had started; cold_ms is their time.';

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
  gone_plans as (
    delete from holdfast.watch_plans p where p.last_seen_at < now() - p_hours_ms * interval '1 ms' returning 1)
  select greatest((select count(*) from gone), (select count(*) from gone_outbound), (select count(*) from gone_sightings))::int
$$;
