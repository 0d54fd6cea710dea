-- Jobs. A job row is written once and deleted once: claiming it writes one row per batch, never one per job, so that a
-- queue leaves as little as possible behind for vacuum, and a claim is a range of ids that a crash cannot half-undo.
-- Measurements and the designs that lost: docs/decisions/0008-jobs-tables.md.
-- class: expand

create table holdfast.jobs_queues (
  id           smallint generated always as identity primary key,
  name         text not null unique check (length(name) between 1 and 100),
  attempts     smallint not null default 10 check (attempts > 0),
  backoff_ms   integer not null default 1000 check (backoff_ms >= 0),
  per_key      integer not null default 1 check (per_key > 0),
  is_paused    boolean not null default false,
  created_at   timestamptz not null default now()
);
comment on table holdfast.jobs_queues is 'One row per job name. attempts and backoff_ms are what crashed attempts are judged by; per_key: jobs of one key that may run at once.';

-- A lane is one priority of one queue. Whoever claims from it locks its row, skipping locked ones: claims of one lane
-- follow each other, which is what makes "not in an open claim" a true statement.
create table holdfast.jobs_lanes (
  lane         integer primary key,
  queue        smallint not null references holdfast.jobs_queues on delete cascade,
  priority     smallint not null check (priority between 0 and 2),
  unique (queue, priority)
);
comment on table holdfast.jobs_lanes is 'lane = queue * 4 + priority. Rows never change.';

create sequence holdfast.jobs_ids as bigint cache 1;
comment on sequence holdfast.jobs_ids is 'Cache 1 is part of the protocol: an id once passed over must belong to a transaction that had begun.';

create table holdfast.jobs_ready (
  slot         smallint not null,
  lane         integer not null,
  id           bigint not null,
  origin       bigint,
  attempt      smallint not null default 1,
  crashes      smallint not null default 0,
  at           timestamptz not null default now(),
  key          text,
  unique_key   text,
  errors       jsonb,
  body         text not null
) partition by list (slot);
comment on table holdfast.jobs_ready is 'Jobs that may run now or are running. slot = (id >> 16) & 7: a drained slot is truncated, which needs no vacuum and works under an old snapshot.';
comment on column holdfast.jobs_ready.crashes is 'Workers that ended with this job in their hands. From the first on its start is written down, so that the next one counts as an attempt exactly if the job had started.';
comment on column holdfast.jobs_ready.origin is 'The id under which the job was sent, when it was moved since; null: id. This is the id that handlers see.';

create table holdfast.jobs_ready_0 partition of holdfast.jobs_ready for values in (0);
create table holdfast.jobs_ready_1 partition of holdfast.jobs_ready for values in (1);
create table holdfast.jobs_ready_2 partition of holdfast.jobs_ready for values in (2);
create table holdfast.jobs_ready_3 partition of holdfast.jobs_ready for values in (3);
create table holdfast.jobs_ready_4 partition of holdfast.jobs_ready for values in (4);
create table holdfast.jobs_ready_5 partition of holdfast.jobs_ready for values in (5);
create table holdfast.jobs_ready_6 partition of holdfast.jobs_ready for values in (6);
create table holdfast.jobs_ready_7 partition of holdfast.jobs_ready for values in (7);
-- Bodies up to 8 kB stay where they are, uncompressed: each is written once, read once and deleted.
do $$ begin
  for n in 0 .. 7 loop execute format('alter table holdfast.jobs_ready_%s set (toast_tuple_target = 8160)', n); end loop;
end $$;
create index jobs_ready_order on holdfast.jobs_ready (lane, id);
-- Finds a job that was moved by the id its sender knows; jobs that were never moved are not in it.
create index jobs_ready_origin on holdfast.jobs_ready (origin) where origin is not null;

create table holdfast.jobs_workers (
  id           bigint generated always as identity primary key,
  instance     text not null,
  lease_ms     integer not null check (lease_ms > 0),
  has_session  boolean not null default false,
  started_at   timestamptz not null default now(),
  seen_at      timestamptz not null default now()
);
comment on column holdfast.jobs_workers.has_session is 'It holds the advisory lock (1751542391, id) on a connection of its own: whoever gets that lock knows that the worker is gone.';
comment on table holdfast.jobs_workers is 'Live workers. Without its row a worker can neither claim nor complete; who deletes the row hands its jobs on.';

create table holdfast.jobs_claims (
  lane         integer not null,
  cid          bigint generated always as identity,
  worker       bigint not null,
  ids          int8multirange not null,
  started      bigint[] not null default '{}',
  keys         text[],
  key_ids      bigint[],
  at           timestamptz not null default now(),
  primary key (lane, cid)
);
-- Uncompressed: written once, read by each claim until it ends.
alter table holdfast.jobs_claims
  alter column ids set storage external, alter column keys set storage external, alter column key_ids set storage external;
create index jobs_claims_worker on holdfast.jobs_claims (worker);
comment on table holdfast.jobs_claims is 'Batches in the hands of workers: a job is claimable when it is visible and in no open claim.';

create table holdfast.jobs_later (
  run_at       timestamptz not null,
  id           bigint not null,
  lane         integer not null,
  attempt      smallint not null,
  crashes      smallint not null default 0,
  at           timestamptz not null default now(),
  key          text,
  unique_key   text,
  errors       jsonb,
  body         text not null
);
create index jobs_later_due on holdfast.jobs_later (run_at, id);
create index jobs_later_id on holdfast.jobs_later (id);
comment on table holdfast.jobs_later is 'Delayed jobs and those that wait for their next attempt.';

create table holdfast.jobs_unique (
  queue        smallint not null,
  key          text not null,
  id           bigint not null,
  primary key (queue, key)
);
comment on table holdfast.jobs_unique is 'Unique keys in force: from the send until the job has succeeded, was cancelled or is dead.';

create table holdfast.jobs_dead (
  id           bigint primary key,
  queue        smallint not null,
  priority     smallint not null,
  attempts     smallint not null,
  sent_at      timestamptz,
  died_at      timestamptz not null default now(),
  key          text,
  unique_key   text,
  errors       jsonb not null,
  body         jsonb not null
);
create index jobs_dead_queue on holdfast.jobs_dead (queue, died_at, id);
create index jobs_dead_body on holdfast.jobs_dead using gin (body jsonb_path_ops);
comment on table holdfast.jobs_dead is 'Dead letters with every attempt''s error. They stay until redriven or deleted.';

create table holdfast.jobs_counts (
  queue        smallint not null,
  minute       timestamptz not null,
  sent         bigint not null default 0,
  succeeded    bigint not null default 0,
  failed       bigint not null default 0,
  died         bigint not null default 0,
  primary key (queue, minute)
);
comment on table holdfast.jobs_counts is 'What happened per minute, added up from the deltas of all processes.';

create table holdfast.jobs_crons (
  name         text primary key check (length(name) between 1 and 100),
  queue        smallint not null,
  schedule     text not null,
  time_zone    text not null,
  missed       text not null check (missed in ('once', 'skip')),
  body         text not null,
  next_at      timestamptz not null,
  fired_at     timestamptz
);
comment on table holdfast.jobs_crons is 'What is sent on a schedule. Whoever sends moves next_at in the same transaction: one firing per tick, however many instances look.';

create table holdfast.jobs_waiting (
  queue        smallint not null,
  key          text not null,
  id           bigint not null,
  lane         integer not null,
  is_free      boolean not null,
  attempt      smallint not null,
  crashes      smallint not null,
  at           timestamptz not null,
  unique_key   text,
  errors       jsonb,
  body         text not null,
  primary key (queue, key, id)
);
create index jobs_waiting_free on holdfast.jobs_waiting (lane, id) where is_free;
create index jobs_waiting_id on holdfast.jobs_waiting (id);
comment on table holdfast.jobs_waiting is 'Jobs that were found by a claim while their key had as many running as it may. Those of a key run in the order in which they were sent, before any that a claim finds in its lane.';
comment on column holdfast.jobs_waiting.id is 'The one that its sender knows.';
comment on column holdfast.jobs_waiting.is_free is 'A claim of its lane is to look whether its key has a place. A hint: the claim decides.';
