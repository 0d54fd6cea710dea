-- The schema, and the record of what was applied to it. The runner makes both before it looks for this file,
-- because it has to write down that this file was applied; everything here can therefore run twice.
-- class: expand
create schema if not exists holdfast;

create table if not exists holdfast.core_migrations (
  name        text primary key,
  checksum    text not null,
  class       text not null check (class in ('expand', 'contract', 'data')),
  package     text not null,
  applied_at  timestamptz not null default now(),
  duration_ms integer not null
);

comment on table holdfast.core_migrations is 'Which of holdfast''s migrations were applied here, in order of their names.';
