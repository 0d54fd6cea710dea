-- Which processes use this database now. A migration that older code cannot live with waits for the older ones.
-- class: expand
create table holdfast.core_instances (
  id           uuid primary key,
  host         text not null,
  pid          integer not null,
  package      text not null,
  knows        text not null,
  heartbeat_ms integer not null check (heartbeat_ms > 0),
  started_at   timestamptz not null default now(),
  seen_at      timestamptz not null default now()
);

comment on table holdfast.core_instances is 'Processes that use this database now; one not seen for three of its heartbeats counts as gone.';
comment on column holdfast.core_instances.knows is 'The newest migration that the process knows; names compare as strings.';
