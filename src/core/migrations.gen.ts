// Made by `npm run generate` from migrations/*.sql. Do not edit.

export interface MigrationFile {
  name: string
  class: 'expand' | 'contract' | 'data'
  /** CREATE INDEX CONCURRENTLY cannot run in one. */
  noTransaction?: true
  sql: string
}

export const packageVersion = "0.1.0"

export const migrations: readonly MigrationFile[] = [
  {
    "name": "0001_core_init",
    "class": "expand",
    "sql": "-- The schema, and the record of what was applied to it. The runner makes both before it looks for this file,\n-- because it has to write down that this file was applied; everything here can therefore run twice.\n-- class: expand\ncreate schema if not exists holdfast;\n\ncreate table if not exists holdfast.core_migrations (\n  name        text primary key,\n  checksum    text not null,\n  class       text not null check (class in ('expand', 'contract', 'data')),\n  package     text not null,\n  applied_at  timestamptz not null default now(),\n  duration_ms integer not null\n);\n\ncomment on table holdfast.core_migrations is 'Which of holdfast''s migrations were applied here, in order of their names.';\n"
  },
  {
    "name": "0002_core_instances",
    "class": "expand",
    "sql": "-- Which processes use this database now. A migration that older code cannot live with waits for the older ones.\n-- class: expand\ncreate table holdfast.core_instances (\n  id           uuid primary key,\n  host         text not null,\n  pid          integer not null,\n  package      text not null,\n  knows        text not null,\n  heartbeat_ms integer not null check (heartbeat_ms > 0),\n  started_at   timestamptz not null default now(),\n  seen_at      timestamptz not null default now()\n);\n\ncomment on table holdfast.core_instances is 'Processes that use this database now; one not seen for three of its heartbeats counts as gone.';\ncomment on column holdfast.core_instances.knows is 'The newest migration that the process knows; names compare as strings.';\n"
  }
]
