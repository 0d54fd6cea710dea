-- Watching: how long requests and their statements took, by route, statement and segment, from all processes.
--
-- A process writes a row for each series and minute, and one for each hour; both are its own and are written again with
-- what has come since, so nobody waits for anybody, a repeated flush changes nothing, and no roll-up is needed. Whoever
-- reads adds the histograms of all processes: percentiles are never averaged. No parameter and no literal comes here.
-- class: expand

create table holdfast.watch_statements (
  id           bigint primary key,
  text         text not null,
  seen_at      timestamptz not null default now()
);
comment on table holdfast.watch_statements is 'Statements as PostgreSQL''s parser sees them, without literals. The id is their fingerprint.';

create table holdfast.watch_series (
  minutes      smallint not null check (minutes in (1, 60)),
  began_at     timestamptz not null,
  process      bigint not null,
  route        text not null,
  segment      text not null,
  statement    bigint not null,
  calls        bigint not null,
  errors       bigint not null,
  requests     bigint not null,
  most_calls   integer not null,
  rows         bigint not null,
  bytes        bigint not null,
  total_ms     double precision not null,
  bins         bytea not null,
  wait_ms      double precision not null,
  wait_bins    bytea not null,
  sql_ms       double precision not null,
  outbound_ms  double precision not null,
  primary key (minutes, began_at, process, route, segment, statement)
);
comment on table holdfast.watch_series is 'What a process saw in a minute or an hour. Statement 0: the requests of the route themselves.';
comment on column holdfast.watch_series.calls is 'Of a statement: how often it ran. Of a route: how many requests it had.';
comment on column holdfast.watch_series.requests is 'Requests in which it ran at least once.';
comment on column holdfast.watch_series.most_calls is 'How often it ran in one request, at most.';
comment on column holdfast.watch_series.bins is 'A log-linear histogram of durations: the distance to the next bin that is not empty, and its count, as variable-length integers.';
comment on column holdfast.watch_series.wait_bins is 'The same of the time that requests of a route waited for connections.';

-- One for all processes of a minute or an hour that is over: nobody writes there any more.
create function holdfast.watch_forget(p_minutes_ms double precision, p_hours_ms double precision, p_most integer) returns integer
language sql as $$
  with old as (
    select s.ctid from holdfast.watch_series s
     where s.minutes = 1 and s.began_at < now() - p_minutes_ms * interval '1 ms'
        or s.minutes = 60 and s.began_at < now() - p_hours_ms * interval '1 ms'
     limit p_most for update skip locked),
  gone as (
    delete from holdfast.watch_series s using old where s.ctid = old.ctid returning 1)
  select count(*)::int from gone
$$;
