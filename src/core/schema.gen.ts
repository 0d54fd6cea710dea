// Made by `npm run generate`: what the migrations make, read back from PostgreSQL. Do not edit.

import type { CatalogRow } from './store.js'

export const catalog: readonly CatalogRow[] = [
  {
    "kind": "column",
    "name": "core_instances.heartbeat_ms",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "core_instances.host",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "core_instances.id",
    "definition": "uuid not null"
  },
  {
    "kind": "column",
    "name": "core_instances.knows",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "core_instances.package",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "core_instances.pid",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "core_instances.seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "core_instances.started_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "core_migrations.applied_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "core_migrations.checksum",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "core_migrations.class",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "core_migrations.duration_ms",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "core_migrations.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "core_migrations.package",
    "definition": "text not null"
  },
  {
    "kind": "constraint",
    "name": "core_instances.core_instances_heartbeat_ms_check",
    "definition": "CHECK ((heartbeat_ms > 0))"
  },
  {
    "kind": "constraint",
    "name": "core_instances.core_instances_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "core_migrations.core_migrations_class_check",
    "definition": "CHECK ((class = ANY (ARRAY['expand'::text, 'contract'::text, 'data'::text])))"
  },
  {
    "kind": "constraint",
    "name": "core_migrations.core_migrations_pkey",
    "definition": "PRIMARY KEY (name)"
  },
  {
    "kind": "index",
    "name": "core_instances_pkey",
    "definition": "CREATE UNIQUE INDEX core_instances_pkey ON holdfast.core_instances USING btree (id)"
  },
  {
    "kind": "index",
    "name": "core_migrations_pkey",
    "definition": "CREATE UNIQUE INDEX core_migrations_pkey ON holdfast.core_migrations USING btree (name)"
  },
  {
    "kind": "table",
    "name": "core_instances",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "core_migrations",
    "definition": "r"
  }
]
