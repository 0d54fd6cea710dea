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
    "kind": "column",
    "name": "holds_sources.created_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "holds_sources.free_column",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "holds_sources.hold_column",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "holds_sources.id",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "holds_sources.kind",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_sources.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_sources.relation",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_sources.resource_column",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_sources.unit_column",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "holds_sources.unit_type",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "holds_stock.free",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "holds_stock.resource",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_stock.total",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "holds_taken.created_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "holds_taken.expires_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "holds_taken.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "holds_taken.is_confirmed",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "holds_taken.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "holds_taken.owner",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "holds_taken.quantity",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "holds_taken.resource",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_taken.source",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "holds_taken.units",
    "definition": "text[]"
  },
  {
    "kind": "column",
    "name": "holds_units.hold_id",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "holds_units.resource",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "holds_units.unit",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.body",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.created_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.expires_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.fingerprint",
    "definition": "bytea not null"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.headers",
    "definition": "json"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.is_base64",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.key",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.principal",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.scope",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "idempotency_answers.status",
    "definition": "smallint"
  },
  {
    "kind": "column",
    "name": "jobs_cancels.asked_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_cancels.job_id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_claims.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_claims.cid",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_claims.ids",
    "definition": "int8multirange not null"
  },
  {
    "kind": "column",
    "name": "jobs_claims.key_ids",
    "definition": "bigint[]"
  },
  {
    "kind": "column",
    "name": "jobs_claims.keys",
    "definition": "text[]"
  },
  {
    "kind": "column",
    "name": "jobs_claims.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_claims.started",
    "definition": "bigint[] not null default '{}'::bigint[]"
  },
  {
    "kind": "column",
    "name": "jobs_claims.worker",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_counts.died",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_counts.failed",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_counts.minute",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_counts.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_counts.sent",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_counts.succeeded",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_crons.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_crons.fired_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "jobs_crons.missed",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_crons.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_crons.next_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_crons.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_crons.schedule",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_crons.time_zone",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.attempts",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.body",
    "definition": "jsonb not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.died_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_dead.errors",
    "definition": "jsonb not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_dead.priority",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_dead.sent_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "jobs_dead.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_keeps.keep_ms",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_keeps.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_lanes.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_lanes.priority",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_lanes.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_later.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_later.attempt",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_later.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_later.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_later.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_later.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_later.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_later.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_later.run_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_later.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_marks.head",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_marks.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_marks.last",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_marks.looked_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_marks.opened",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_marks.safe",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_marks.stamp",
    "definition": "xid8"
  },
  {
    "kind": "column",
    "name": "jobs_marks.version",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_outcomes.died",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_outcomes.failed",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_outcomes.minute",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_outcomes.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_outcomes.succeeded",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_progress.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_progress.checkpoint",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_progress.done",
    "definition": "double precision"
  },
  {
    "kind": "column",
    "name": "jobs_progress.job_id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_progress.note",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_progress.run",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_progress.total",
    "definition": "double precision"
  },
  {
    "kind": "column",
    "name": "jobs_queues.attempts",
    "definition": "smallint not null default 10"
  },
  {
    "kind": "column",
    "name": "jobs_queues.backoff_ms",
    "definition": "integer not null default 1000"
  },
  {
    "kind": "column",
    "name": "jobs_queues.created_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_queues.id",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_queues.is_paused",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "jobs_queues.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_queues.per_key",
    "definition": "integer not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_0.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_1.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_2.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_3.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_4.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_5.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_6.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.attempt",
    "definition": "smallint not null default 1"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.origin",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.slot",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_ready_7.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_results.attempts",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.body",
    "definition": "jsonb not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_results.expires_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.finished_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_results.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_results.outcome",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.priority",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.progress",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_results.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.redriven_as",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "jobs_results.result",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_results.sent_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_results.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_unique.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_unique.key",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_unique.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_upkeep.at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_upkeep.full_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.attempt",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.body",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.crashes",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.errors",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.is_free",
    "definition": "boolean not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.key",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.lane",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.queue",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "jobs_waiting.unique_key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "jobs_workers.has_session",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "jobs_workers.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "jobs_workers.instance",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "jobs_workers.lease_ms",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "jobs_workers.seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "jobs_workers.started_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "locks_marks.fence",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "locks_marks.key",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "locks_marks.marked_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "locks_marks.shared_fence",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "locks_owners.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "locks_owners.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "locks_owners.seen_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "locks_owners.started_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "locks_requests.amount",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "locks_requests.asked_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "locks_requests.fence",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "locks_requests.flight",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "locks_requests.held_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "locks_requests.is_shared",
    "definition": "boolean not null"
  },
  {
    "kind": "column",
    "name": "locks_requests.key",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "locks_requests.label",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "locks_requests.owner",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "locks_requests.ticket",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "locks_requests.ttl_ms",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "locks_requests.within",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "sagas_actions.action",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_actions.actor",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "sagas_actions.at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "sagas_actions.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "sagas_actions.reason",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "sagas_actions.saga",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_actions.step",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "sagas_instances.crashes",
    "definition": "smallint not null default 0"
  },
  {
    "kind": "column",
    "name": "sagas_instances.doing",
    "definition": "jsonb not null default '[]'::jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_instances.ends_by",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "sagas_instances.error",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_instances.fence",
    "definition": "integer not null default 1"
  },
  {
    "kind": "column",
    "name": "sagas_instances.finished_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "sagas_instances.id",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_instances.input",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_instances.is_cancelled",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "sagas_instances.is_pivoted",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "sagas_instances.is_undoing",
    "definition": "boolean not null default false"
  },
  {
    "kind": "column",
    "name": "sagas_instances.kind",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "sagas_instances.output",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_instances.owner",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "sagas_instances.signals",
    "definition": "integer not null default 0"
  },
  {
    "kind": "column",
    "name": "sagas_instances.started_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "sagas_instances.state",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_instances.token",
    "definition": "bigint"
  },
  {
    "kind": "column",
    "name": "sagas_instances.wake_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "sagas_kinds.created_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "sagas_kinds.id",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "sagas_kinds.keep_ms",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "sagas_kinds.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_kinds.version",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "sagas_signals.event",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_signals.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "sagas_signals.key",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "sagas_signals.payload",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_signals.saga",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_signals.sent_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "sagas_signals.taken_by",
    "definition": "integer"
  },
  {
    "kind": "column",
    "name": "sagas_steps.attempts",
    "definition": "integer not null default 1"
  },
  {
    "kind": "column",
    "name": "sagas_steps.ended",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.ended_at",
    "definition": "timestamp with time zone not null default clock_timestamp()"
  },
  {
    "kind": "column",
    "name": "sagas_steps.error",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_steps.kind",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.name",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.outcome",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.output",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_steps.saga",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.seq",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.started_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "sagas_steps.undo",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "sagas_steps.undo_attempts",
    "definition": "integer not null default 0"
  },
  {
    "kind": "column",
    "name": "sagas_steps.undo_error",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "sagas_steps.undone_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "sagas_workers.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "sagas_workers.instance",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "sagas_workers.kinds",
    "definition": "smallint[] not null"
  },
  {
    "kind": "column",
    "name": "sagas_workers.lease_ms",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "sagas_workers.seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "sagas_workers.started_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_clashes.detail",
    "definition": "jsonb not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.first_route",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.first_seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_clashes.id",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.kind",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.last_seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_clashes.on_table",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.protected_by",
    "definition": "text"
  },
  {
    "kind": "column",
    "name": "watch_clashes.real_overlaps",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.replay",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "watch_clashes.replayed_at",
    "definition": "timestamp with time zone"
  },
  {
    "kind": "column",
    "name": "watch_clashes.requests",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.second_route",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_clashes.window_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_deploys.began_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_deploys.label",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.evidence",
    "definition": "jsonb not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.first_seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_findings.fix",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.kind",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.last_seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_findings.prove",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.route",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.seen",
    "definition": "bigint not null default 1"
  },
  {
    "kind": "column",
    "name": "watch_findings.sentence",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.severity",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.statement",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_findings.subject",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.began_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.bins",
    "definition": "bytea not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.calls",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.host",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.minutes",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.process",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.route",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.segment",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_outbound.total_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.cost",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.facts",
    "definition": "jsonb"
  },
  {
    "kind": "column",
    "name": "watch_plans.first_seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_plans.is_inferred",
    "definition": "boolean not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.last_seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_plans.seen",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.shape",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.slow_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.statement",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.tree",
    "definition": "jsonb not null"
  },
  {
    "kind": "column",
    "name": "watch_plans.typical_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_series.began_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "watch_series.bins",
    "definition": "bytea not null"
  },
  {
    "kind": "column",
    "name": "watch_series.bytes",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.calls",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.cold",
    "definition": "bigint not null default 0"
  },
  {
    "kind": "column",
    "name": "watch_series.cold_ms",
    "definition": "double precision not null default 0"
  },
  {
    "kind": "column",
    "name": "watch_series.errors",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.loop_ms",
    "definition": "double precision not null default 0"
  },
  {
    "kind": "column",
    "name": "watch_series.minutes",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.most_calls",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "watch_series.outbound_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_series.process",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.requests",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.route",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_series.rows",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.segment",
    "definition": "text not null"
  },
  {
    "kind": "column",
    "name": "watch_series.sql_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_series.statement",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_series.total_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_series.wait_bins",
    "definition": "bytea not null"
  },
  {
    "kind": "column",
    "name": "watch_series.wait_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_sightings.began_at",
    "definition": "timestamp with time zone not null"
  },
  {
    "kind": "column",
    "name": "watch_sightings.minutes",
    "definition": "smallint not null"
  },
  {
    "kind": "column",
    "name": "watch_sightings.most_ms",
    "definition": "double precision not null"
  },
  {
    "kind": "column",
    "name": "watch_sightings.seen",
    "definition": "integer not null"
  },
  {
    "kind": "column",
    "name": "watch_sightings.shape",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_sightings.statement",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_statements.id",
    "definition": "bigint not null"
  },
  {
    "kind": "column",
    "name": "watch_statements.seen_at",
    "definition": "timestamp with time zone not null default now()"
  },
  {
    "kind": "column",
    "name": "watch_statements.text",
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
    "kind": "constraint",
    "name": "holds_sources.holds_sources_kind_check",
    "definition": "CHECK ((kind = ANY (ARRAY['stock'::text, 'units'::text])))"
  },
  {
    "kind": "constraint",
    "name": "holds_sources.holds_sources_name_check",
    "definition": "CHECK (((length(name) >= 1) AND (length(name) <= 100)))"
  },
  {
    "kind": "constraint",
    "name": "holds_sources.holds_sources_name_key",
    "definition": "UNIQUE (name)"
  },
  {
    "kind": "constraint",
    "name": "holds_sources.holds_sources_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "holds_stock.holds_stock_free_check",
    "definition": "CHECK ((free >= 0))"
  },
  {
    "kind": "constraint",
    "name": "holds_stock.holds_stock_pkey",
    "definition": "PRIMARY KEY (resource)"
  },
  {
    "kind": "constraint",
    "name": "holds_stock.holds_stock_total_check",
    "definition": "CHECK ((total >= 0))"
  },
  {
    "kind": "constraint",
    "name": "holds_taken.holds_taken_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "holds_taken.holds_taken_quantity_check",
    "definition": "CHECK ((quantity > 0))"
  },
  {
    "kind": "constraint",
    "name": "holds_units.holds_units_pkey",
    "definition": "PRIMARY KEY (resource, unit)"
  },
  {
    "kind": "constraint",
    "name": "idempotency_answers.idempotency_answers_check",
    "definition": "CHECK ((((length(scope) >= 1) AND (length(scope) <= 200)) AND (length(principal) <= 200) AND ((length(key) >= 1) AND (length(key) <= 255))))"
  },
  {
    "kind": "constraint",
    "name": "idempotency_answers.idempotency_answers_pkey",
    "definition": "PRIMARY KEY (scope, principal, key)"
  },
  {
    "kind": "constraint",
    "name": "jobs_cancels.jobs_cancels_pkey",
    "definition": "PRIMARY KEY (job_id)"
  },
  {
    "kind": "constraint",
    "name": "jobs_claims.jobs_claims_pkey",
    "definition": "PRIMARY KEY (lane, cid)"
  },
  {
    "kind": "constraint",
    "name": "jobs_counts.jobs_counts_pkey",
    "definition": "PRIMARY KEY (queue, minute)"
  },
  {
    "kind": "constraint",
    "name": "jobs_crons.jobs_crons_missed_check",
    "definition": "CHECK ((missed = ANY (ARRAY['once'::text, 'skip'::text])))"
  },
  {
    "kind": "constraint",
    "name": "jobs_crons.jobs_crons_name_check",
    "definition": "CHECK (((length(name) >= 1) AND (length(name) <= 100)))"
  },
  {
    "kind": "constraint",
    "name": "jobs_crons.jobs_crons_pkey",
    "definition": "PRIMARY KEY (name)"
  },
  {
    "kind": "constraint",
    "name": "jobs_dead.jobs_dead_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "jobs_keeps.jobs_keeps_keep_ms_check",
    "definition": "CHECK ((keep_ms > 0))"
  },
  {
    "kind": "constraint",
    "name": "jobs_keeps.jobs_keeps_pkey",
    "definition": "PRIMARY KEY (queue)"
  },
  {
    "kind": "constraint",
    "name": "jobs_lanes.jobs_lanes_pkey",
    "definition": "PRIMARY KEY (lane)"
  },
  {
    "kind": "constraint",
    "name": "jobs_lanes.jobs_lanes_priority_check",
    "definition": "CHECK (((priority >= 0) AND (priority <= 2)))"
  },
  {
    "kind": "constraint",
    "name": "jobs_lanes.jobs_lanes_queue_fkey",
    "definition": "FOREIGN KEY (queue) REFERENCES holdfast.jobs_queues(id) ON DELETE CASCADE"
  },
  {
    "kind": "constraint",
    "name": "jobs_lanes.jobs_lanes_queue_priority_key",
    "definition": "UNIQUE (queue, priority)"
  },
  {
    "kind": "constraint",
    "name": "jobs_marks.jobs_marks_pkey",
    "definition": "PRIMARY KEY (lane, version)"
  },
  {
    "kind": "constraint",
    "name": "jobs_progress.jobs_progress_pkey",
    "definition": "PRIMARY KEY (job_id)"
  },
  {
    "kind": "constraint",
    "name": "jobs_queues.jobs_queues_attempts_check",
    "definition": "CHECK ((attempts > 0))"
  },
  {
    "kind": "constraint",
    "name": "jobs_queues.jobs_queues_backoff_ms_check",
    "definition": "CHECK ((backoff_ms >= 0))"
  },
  {
    "kind": "constraint",
    "name": "jobs_queues.jobs_queues_name_check",
    "definition": "CHECK (((length(name) >= 1) AND (length(name) <= 100)))"
  },
  {
    "kind": "constraint",
    "name": "jobs_queues.jobs_queues_name_key",
    "definition": "UNIQUE (name)"
  },
  {
    "kind": "constraint",
    "name": "jobs_queues.jobs_queues_per_key_check",
    "definition": "CHECK ((per_key > 0))"
  },
  {
    "kind": "constraint",
    "name": "jobs_queues.jobs_queues_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "jobs_results.jobs_results_outcome_check",
    "definition": "CHECK ((outcome = ANY (ARRAY['succeeded'::text, 'dead'::text, 'cancelled'::text])))"
  },
  {
    "kind": "constraint",
    "name": "jobs_results.jobs_results_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "jobs_unique.jobs_unique_pkey",
    "definition": "PRIMARY KEY (queue, key)"
  },
  {
    "kind": "constraint",
    "name": "jobs_upkeep.jobs_upkeep_pkey",
    "definition": "PRIMARY KEY (at)"
  },
  {
    "kind": "constraint",
    "name": "jobs_waiting.jobs_waiting_pkey",
    "definition": "PRIMARY KEY (queue, key, id)"
  },
  {
    "kind": "constraint",
    "name": "jobs_workers.jobs_workers_lease_ms_check",
    "definition": "CHECK ((lease_ms > 0))"
  },
  {
    "kind": "constraint",
    "name": "jobs_workers.jobs_workers_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "locks_marks.locks_marks_pkey",
    "definition": "PRIMARY KEY (key)"
  },
  {
    "kind": "constraint",
    "name": "locks_owners.locks_owners_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "locks_requests.locks_requests_pkey",
    "definition": "PRIMARY KEY (key, ticket)"
  },
  {
    "kind": "constraint",
    "name": "sagas_actions.sagas_actions_action_check",
    "definition": "CHECK ((action = ANY (ARRAY['cancel'::text, 'retry'::text, 'skip-undo'::text])))"
  },
  {
    "kind": "constraint",
    "name": "sagas_actions.sagas_actions_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "sagas_instances.sagas_instances_id_check",
    "definition": "CHECK (((length(id) >= 1) AND (length(id) <= 150)))"
  },
  {
    "kind": "constraint",
    "name": "sagas_instances.sagas_instances_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "sagas_instances.sagas_instances_state_check",
    "definition": "CHECK ((state = ANY (ARRAY['running'::text, 'waiting'::text, 'compensating'::text, 'done'::text, 'compensated'::text, 'stuck'::text])))"
  },
  {
    "kind": "constraint",
    "name": "sagas_kinds.sagas_kinds_keep_ms_check",
    "definition": "CHECK ((keep_ms >= 0))"
  },
  {
    "kind": "constraint",
    "name": "sagas_kinds.sagas_kinds_name_check",
    "definition": "CHECK (((length(name) >= 1) AND (length(name) <= 80)))"
  },
  {
    "kind": "constraint",
    "name": "sagas_kinds.sagas_kinds_name_version_key",
    "definition": "UNIQUE (name, version)"
  },
  {
    "kind": "constraint",
    "name": "sagas_kinds.sagas_kinds_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "sagas_kinds.sagas_kinds_version_check",
    "definition": "CHECK ((version > 0))"
  },
  {
    "kind": "constraint",
    "name": "sagas_signals.sagas_signals_event_check",
    "definition": "CHECK (((length(event) >= 1) AND (length(event) <= 80)))"
  },
  {
    "kind": "constraint",
    "name": "sagas_signals.sagas_signals_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "sagas_steps.sagas_steps_kind_check",
    "definition": "CHECK ((kind = ANY (ARRAY['tx'::text, 'call'::text, 'sleep'::text, 'wait'::text, 'pivot'::text])))"
  },
  {
    "kind": "constraint",
    "name": "sagas_steps.sagas_steps_outcome_check",
    "definition": "CHECK ((outcome = ANY (ARRAY['done'::text, 'failed'::text, 'refused'::text, 'unknown'::text])))"
  },
  {
    "kind": "constraint",
    "name": "sagas_steps.sagas_steps_pkey",
    "definition": "PRIMARY KEY (saga, seq)"
  },
  {
    "kind": "constraint",
    "name": "sagas_steps.sagas_steps_seq_check",
    "definition": "CHECK ((seq > 0))"
  },
  {
    "kind": "constraint",
    "name": "sagas_steps.sagas_steps_undo_check",
    "definition": "CHECK ((undo = ANY (ARRAY['done'::text, 'skipped'::text, 'failing'::text])))"
  },
  {
    "kind": "constraint",
    "name": "sagas_workers.sagas_workers_lease_ms_check",
    "definition": "CHECK ((lease_ms > 0))"
  },
  {
    "kind": "constraint",
    "name": "sagas_workers.sagas_workers_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "watch_clashes.watch_clashes_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "watch_deploys.watch_deploys_pkey",
    "definition": "PRIMARY KEY (label)"
  },
  {
    "kind": "constraint",
    "name": "watch_findings.watch_findings_kind_statement_subject_key",
    "definition": "UNIQUE (kind, statement, subject)"
  },
  {
    "kind": "constraint",
    "name": "watch_findings.watch_findings_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "constraint",
    "name": "watch_findings.watch_findings_severity_check",
    "definition": "CHECK ((severity = ANY (ARRAY['info'::text, 'watch'::text, 'act'::text])))"
  },
  {
    "kind": "constraint",
    "name": "watch_outbound.watch_outbound_minutes_check",
    "definition": "CHECK ((minutes = ANY (ARRAY[1, 60])))"
  },
  {
    "kind": "constraint",
    "name": "watch_outbound.watch_outbound_pkey",
    "definition": "PRIMARY KEY (minutes, began_at, process, route, segment, host)"
  },
  {
    "kind": "constraint",
    "name": "watch_plans.watch_plans_pkey",
    "definition": "PRIMARY KEY (statement, shape)"
  },
  {
    "kind": "constraint",
    "name": "watch_series.watch_series_minutes_check",
    "definition": "CHECK ((minutes = ANY (ARRAY[1, 60])))"
  },
  {
    "kind": "constraint",
    "name": "watch_series.watch_series_pkey",
    "definition": "PRIMARY KEY (minutes, began_at, process, route, segment, statement)"
  },
  {
    "kind": "constraint",
    "name": "watch_sightings.watch_sightings_minutes_check",
    "definition": "CHECK ((minutes = ANY (ARRAY[1, 60])))"
  },
  {
    "kind": "constraint",
    "name": "watch_sightings.watch_sightings_pkey",
    "definition": "PRIMARY KEY (minutes, began_at, statement, shape)"
  },
  {
    "kind": "constraint",
    "name": "watch_statements.watch_statements_pkey",
    "definition": "PRIMARY KEY (id)"
  },
  {
    "kind": "function",
    "name": "claim_jobs(queue text, max integer, lease interval)",
    "definition": "9b8b45cb88c99ff9a468a3e2ef709a74"
  },
  {
    "kind": "function",
    "name": "complete_jobs(claim bigint, ids bigint[])",
    "definition": "e44584b380db3ee493928030a44cc6e5"
  },
  {
    "kind": "function",
    "name": "extend_claim(claim bigint, lease interval)",
    "definition": "e322ada0f5d7e9f44b7a35d19273dd32"
  },
  {
    "kind": "function",
    "name": "fail_job(claim bigint, id bigint, error text, retry_after interval, error_name text, retry boolean)",
    "definition": "4d5a607b421f02a12c76009738650e42"
  },
  {
    "kind": "function",
    "name": "holds_confirm(p_ids bigint[], p_owner text)",
    "definition": "b316d09ba982b2a71b405da383ca7f09"
  },
  {
    "kind": "function",
    "name": "holds_extend(p_ids bigint[], p_owner text, p_ttl_ms double precision)",
    "definition": "bbbac1ce75aea53bf7608f094fcb29b2"
  },
  {
    "kind": "function",
    "name": "holds_has_free(s holdfast.holds_sources, p_resource text, p_units text[], p_beside text[])",
    "definition": "396b529daaea4b9bfbd8876c1d6ac142"
  },
  {
    "kind": "function",
    "name": "holds_lock_units(s holdfast.holds_sources, p_resource text, p_units text[], p_most integer)",
    "definition": "57c9d9424e116e8979b6d2c0f8081de5"
  },
  {
    "kind": "function",
    "name": "holds_put_back(s holdfast.holds_sources, p_resource text, p_ids bigint[], p_quantity bigint, p_units text[])",
    "definition": "4f518dadb28e56342279902435dfa0f2"
  },
  {
    "kind": "function",
    "name": "holds_reclaim(s holdfast.holds_sources, p_resource text, p_most integer)",
    "definition": "85b624b6cdee8cb688620daf7cfc1621"
  },
  {
    "kind": "function",
    "name": "holds_register(p_name text, p_kind text, p_relation text, p_resource_column text, p_free_column text, p_unit_column text, p_hold_column text)",
    "definition": "039d5b35e3fe22af4ff51e457f3530c6"
  },
  {
    "kind": "function",
    "name": "holds_release(p_ids bigint[], p_owner text, p_confirmed boolean)",
    "definition": "c0c81d272fe9e418bb96765dc473b2e5"
  },
  {
    "kind": "function",
    "name": "holds_require(p_ids bigint[], p_owner text)",
    "definition": "3602d81c23ea8699dd7dc6e95644ed02"
  },
  {
    "kind": "function",
    "name": "holds_sweep(p_most integer)",
    "definition": "a9c0a9600b60b473f47abf7fcade36bf"
  },
  {
    "kind": "function",
    "name": "holds_take_stock(p_source smallint, p_resource text, p_quantities integer[], p_ttl_ms double precision[], p_keys text[], p_owners text[])",
    "definition": "3b860ffd9d86f343aaf38b56561b945d"
  },
  {
    "kind": "function",
    "name": "holds_take_units(p_source smallint, p_resource text, p_wants json)",
    "definition": "14bc6b39323e8d2a096afd7740791586"
  },
  {
    "kind": "function",
    "name": "holds_totals(p_source smallint, p_resource text, OUT free bigint, OUT held bigint)",
    "definition": "59e7968c83ab45d909eec7c8cc7613ed"
  },
  {
    "kind": "function",
    "name": "idempotency_begin(p_scope text, p_principal text, p_key text, OUT state text, OUT fingerprint bytea, OUT status smallint, OUT headers json, OUT body text, OUT is_base64 boolean)",
    "definition": "7b7d9d752b46402cd5bab21b5d9c4583"
  },
  {
    "kind": "function",
    "name": "idempotency_keep(p_scope text, p_principal text, p_key text, p_fingerprint bytea, p_ttl_ms double precision, p_status smallint, p_headers json, p_body text, p_is_base64 boolean)",
    "definition": "91adf26a7b4257de1125865feaddf532"
  },
  {
    "kind": "function",
    "name": "jobs_admit(p_lane integer, p_limit integer, p_most integer, p_bytes bigint, OUT ids bigint[], OUT keys text[])",
    "definition": "781e597ac0c9f85ea02fc4a4271c9904"
  },
  {
    "kind": "function",
    "name": "jobs_cancel(p_id bigint)",
    "definition": "b679233f0eab00a2978e5c6ee926429d"
  },
  {
    "kind": "function",
    "name": "jobs_claim(p_worker bigint, p_lanes integer[], p_from bigint[], p_opened bigint[], p_most integer)",
    "definition": "f34d09ad7f412e1b1b9032824b756010"
  },
  {
    "kind": "function",
    "name": "jobs_claim_lane(INOUT p_claim bigint, p_lane integer, p_most integer, p_lease_ms integer, p_drawn bigint, p_settled bigint, OUT amount integer, OUT is_busy boolean, OUT has_suspect boolean)",
    "definition": "cf2bac3327602fd0ea5c29282eb99143"
  },
  {
    "kind": "function",
    "name": "jobs_close_claim(p_claim bigint)",
    "definition": "4a20293775ead77999f2781c34f26812"
  },
  {
    "kind": "function",
    "name": "jobs_complete(p_worker bigint, p_lane integer, p_lo bigint[], p_hi bigint[], p_cid bigint[], p_ended bigint[], p_frees boolean)",
    "definition": "0c8ddcc1255fe8e280c6b20276a4ffd4"
  },
  {
    "kind": "function",
    "name": "jobs_conclude(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[], p_outcome text, p_result text[], p_ended bigint[])",
    "definition": "ef0c6f312d9db6d81cd491b4bedef04c"
  },
  {
    "kind": "function",
    "name": "jobs_conclude_in_tx(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[], p_result text[])",
    "definition": "15ccedaa231434242277692c2fd35503"
  },
  {
    "kind": "function",
    "name": "jobs_count_outcomes(p_all boolean)",
    "definition": "358caf293d38c16e96c50353a4a845ee"
  },
  {
    "kind": "function",
    "name": "jobs_count_running(p_queue smallint, p_keys text[])",
    "definition": "ad12cf3ac2a89d5e844b80c7ea51bcac"
  },
  {
    "kind": "function",
    "name": "jobs_do_upkeep()",
    "definition": "58a291e51920b43a79ff3d8a03e90593"
  },
  {
    "kind": "function",
    "name": "jobs_fail(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[], p_run_at timestamp with time zone[], p_error jsonb[])",
    "definition": "7379d5ddf4cccbf3847c53ac537df52b"
  },
  {
    "kind": "function",
    "name": "jobs_find_mark(p_lane integer, p_mark bigint, p_last bigint, p_opened bigint)",
    "definition": "c8fb4c8823ad4e273e12a0465a06e3cb"
  },
  {
    "kind": "function",
    "name": "jobs_finish(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[])",
    "definition": "87c891e7d8b3af03993e7e10f2d3cae1"
  },
  {
    "kind": "function",
    "name": "jobs_forget(p_most integer)",
    "definition": "8d5a4eac1d74c005bf79b19ec57b98c9"
  },
  {
    "kind": "function",
    "name": "jobs_hold(p_claim bigint, p_ids bigint[])",
    "definition": "db45c521fd608b3555601a1f58c98f90"
  },
  {
    "kind": "function",
    "name": "jobs_hold_claims(p_worker bigint, p_lane integer, p_cids bigint[])",
    "definition": "1e4538c75b5f3898730373c1f179160b"
  },
  {
    "kind": "function",
    "name": "jobs_join_ids(p_ids bigint[])",
    "definition": "831a151f5df64fa819fcd13391978ff2"
  },
  {
    "kind": "function",
    "name": "jobs_keep_dead()",
    "definition": "e2a9260c16e53a8fa44ab59f6dec9072"
  },
  {
    "kind": "function",
    "name": "jobs_note(p_worker bigint, p_lane integer, p_id bigint, p_cid bigint, p_job bigint, p_checkpoint text, p_progress double precision[], p_note text)",
    "definition": "b17cf618eda056ba108e7b01fc92e8dd"
  },
  {
    "kind": "function",
    "name": "jobs_pack(p_lane integer, p_first bigint, p_last bigint, p_ids int8multirange, OUT amount integer, OUT jobs text)",
    "definition": "c6fa50255622932f412866fabd165411"
  },
  {
    "kind": "function",
    "name": "jobs_park(p_lane integer, p_limit integer, p_ids bigint[], p_keys text[], p_admitted text[], OUT ids bigint[], OUT keys text[])",
    "definition": "50275c777f545d6bb495cefff2bd5b85"
  },
  {
    "kind": "function",
    "name": "jobs_part_suspects(p_claim bigint, p_lane integer, p_cid bigint, INOUT amount integer, OUT has_suspect boolean)",
    "definition": "bf8407dd22770c8a1a019adf78a0f802"
  },
  {
    "kind": "function",
    "name": "jobs_promote(p_from timestamp with time zone, p_most integer)",
    "definition": "4254fab35220680cce8f1b16e37a9b9a"
  },
  {
    "kind": "function",
    "name": "jobs_pursue_cancels(p_most integer)",
    "definition": "d3de6b8cc81cec95feb611a518e665a9"
  },
  {
    "kind": "function",
    "name": "jobs_read_body(p_body text)",
    "definition": "3d0d07e1d5e15de1c43aa249ab3e84a3"
  },
  {
    "kind": "function",
    "name": "jobs_read_runs(p_lane integer, p_ids int8multirange)",
    "definition": "0c8ed2dd01b0c7b27704f4c9c55b15f7"
  },
  {
    "kind": "function",
    "name": "jobs_reap(p_worker bigint, p_session_ended boolean)",
    "definition": "bb0972ba4011a0fcbef4820f4cec0487"
  },
  {
    "kind": "function",
    "name": "jobs_register(p_name text, p_attempts integer, p_backoff_ms integer, p_per_key integer)",
    "definition": "2b72d59d58535d7cac54d9004a9b53c1"
  },
  {
    "kind": "function",
    "name": "jobs_release(p_queue smallint, p_keys text[])",
    "definition": "0f63b4b06a0f7619f69d8bad30926495"
  },
  {
    "kind": "function",
    "name": "jobs_return(p_worker bigint, p_lane integer, p_id bigint[], p_cid bigint[])",
    "definition": "656929f4fc4ba2fee8cc74702af2e9e5"
  },
  {
    "kind": "function",
    "name": "jobs_send(p_lane integer, p_bodies text)",
    "definition": "7efe1c4909ee96dd7fb266b050847112"
  },
  {
    "kind": "function",
    "name": "jobs_send_rich(p_records json)",
    "definition": "92d2b0d1a8a0c1665b756a2e42aeafca"
  },
  {
    "kind": "function",
    "name": "jobs_set_keeps(p_queue smallint[], p_keep_ms bigint[])",
    "definition": "9585dcb03d7961ce039b12d38d0076ed"
  },
  {
    "kind": "function",
    "name": "jobs_stop(p_id bigint)",
    "definition": "e995420da00db2707db2626d074beb17"
  },
  {
    "kind": "function",
    "name": "jobs_sweep_progress(p_from timestamp with time zone, p_most integer)",
    "definition": "355ca6ed8fa73b090b9b3f23126c181d"
  },
  {
    "kind": "function",
    "name": "jobs_take(p_lane integer, p_ids bigint[])",
    "definition": "9f9a3ac0560bb09f5c16153f22a04921"
  },
  {
    "kind": "function",
    "name": "jobs_trim()",
    "definition": "cd1fcfb27b533d0f2dfee5fbf0f40d29"
  },
  {
    "kind": "function",
    "name": "locks_beat(p_owner bigint, p_tickets bigint[], p_known bigint[], p_flight bigint)",
    "definition": "d2ffebfed510dd1a32abd0d02d8a3f66"
  },
  {
    "kind": "function",
    "name": "locks_enter(p_keys text[])",
    "definition": "68872e8af1d62573ec51587eb5b142c8"
  },
  {
    "kind": "function",
    "name": "locks_find_circle(p_ticket bigint)",
    "definition": "a60c0725bad3eaf7d35f0c3e1fc75d04"
  },
  {
    "kind": "function",
    "name": "locks_grant(p_ticket bigint)",
    "definition": "050c0ab4ffbbb4b4d62f2e7a84157d68"
  },
  {
    "kind": "function",
    "name": "locks_guard(p_ticket bigint, p_fence bigint)",
    "definition": "0eb7a2c041ed142379ffdc4c89b4c6d3"
  },
  {
    "kind": "function",
    "name": "locks_guard_mark(p_keys text[], p_fence bigint, p_is_shared boolean)",
    "definition": "822ce77a4d38713979687c478863ab78"
  },
  {
    "kind": "function",
    "name": "locks_is_live(q holdfast.locks_requests)",
    "definition": "9f19479738092d4d841e256c6065bc54"
  },
  {
    "kind": "function",
    "name": "locks_is_next(p_key text, p_ticket bigint, p_is_shared boolean)",
    "definition": "641f9e8d24ead2e46d62dfbb7c310015"
  },
  {
    "kind": "function",
    "name": "locks_look(p_owner bigint, p_tickets bigint[])",
    "definition": "5c671b1ffce87007aedac3748dc651cd"
  },
  {
    "kind": "function",
    "name": "locks_mark(p_keys text[], p_is_shared boolean)",
    "definition": "c7abe4d9c2d53268c93f41b6e217c6a3"
  },
  {
    "kind": "function",
    "name": "locks_release(p_owner bigint, p_tickets bigint[])",
    "definition": "12be922cdb77cce1c9a22aa4fb2277bd"
  },
  {
    "kind": "function",
    "name": "locks_release_one(p_owner bigint, p_ticket bigint)",
    "definition": "19f17459ceb499cbd98632ec76317f72"
  },
  {
    "kind": "function",
    "name": "locks_request(p_owner bigint, p_requests json, p_flight bigint)",
    "definition": "507f0697cb016aeaa746dc9ed68dd885"
  },
  {
    "kind": "function",
    "name": "locks_request_one(p_owner bigint, p_key text, p_is_shared boolean, p_ttl_ms integer, p_waits boolean, p_within bigint, p_label text, p_flight bigint)",
    "definition": "a253de970779ff8c993eea48b4a686c9"
  },
  {
    "kind": "function",
    "name": "locks_require()",
    "definition": "c4de90966040ce7e4262eb511d38d6dd"
  },
  {
    "kind": "function",
    "name": "locks_settle(p_keys text[])",
    "definition": "d0b4e1010e05e12e8ff6f7d582d77f67"
  },
  {
    "kind": "function",
    "name": "locks_short(p_key text, p_ttl_ms integer, p_wait_ms integer)",
    "definition": "fe02c675ebfa15c8157110dc33397ae4"
  },
  {
    "kind": "function",
    "name": "locks_sweep(p_most integer)",
    "definition": "ab3a5c32c8dfa611f186377c2216f88a"
  },
  {
    "kind": "function",
    "name": "maintain_jobs()",
    "definition": "92f5425fb8360cdf344a027fdbf22ac3"
  },
  {
    "kind": "function",
    "name": "receive_message(source text, id text, body text, keep interval)",
    "definition": "a9de376c277094faa456342f4d86a504"
  },
  {
    "kind": "function",
    "name": "renew_lock(token bigint)",
    "definition": "c76bb47b7f0d5670560c655cbb71fc2d"
  },
  {
    "kind": "function",
    "name": "return_jobs(claim bigint, ids bigint[])",
    "definition": "236383bb822e05474758adff2ea7e69d"
  },
  {
    "kind": "function",
    "name": "sagas_beat(p_owner bigint, OUT now_ms double precision, OUT owned text[], OUT cancelled text[])",
    "definition": "afabe91c6e1834fe8af50f70e64579ce"
  },
  {
    "kind": "function",
    "name": "sagas_cancel(p_id text, p_reason text, p_actor text)",
    "definition": "25c37d7168fe47977675d06f3fb833a1"
  },
  {
    "kind": "function",
    "name": "sagas_claim(p_owner bigint, p_kinds smallint[], p_most integer)",
    "definition": "495565a46971158e9f81b3a550b429d0"
  },
  {
    "kind": "function",
    "name": "sagas_hand_on()",
    "definition": "10d96b11ff1d7f6abe8a6ff59d4e5b19"
  },
  {
    "kind": "function",
    "name": "sagas_leave(p_owner bigint)",
    "definition": "c9e4bccc671975325eaa7c8e9784256b"
  },
  {
    "kind": "function",
    "name": "sagas_load(p_owner bigint, p_ids text[])",
    "definition": "9f10de29c82e63eba7c8fda8c36a285c"
  },
  {
    "kind": "function",
    "name": "sagas_prune(p_most integer)",
    "definition": "4ed72a2d860655c7d4dab42d2dd3f6ff"
  },
  {
    "kind": "function",
    "name": "sagas_record(p_owner bigint, p_records json, p_steps json, p_undone json, p_taken json)",
    "definition": "cdcb97abae5bebb2e9903b0ee4617c53"
  },
  {
    "kind": "function",
    "name": "sagas_register(p_name text, p_version integer, p_keep_ms bigint)",
    "definition": "00218edd347d5ae193bdcf387d609512"
  },
  {
    "kind": "function",
    "name": "sagas_retry(p_id text, p_reason text, p_actor text)",
    "definition": "1e78e03cecdd0d23e5028b5addaad317"
  },
  {
    "kind": "function",
    "name": "sagas_signal(p_id text, p_event text, p_payload jsonb, p_key text, OUT state text, OUT is_new boolean)",
    "definition": "007ca6630a3f557798c3869522799d03"
  },
  {
    "kind": "function",
    "name": "sagas_skip_undo(p_id text, p_step text, p_reason text, p_actor text)",
    "definition": "855b7f193e4e84c3d164eb281622a4c4"
  },
  {
    "kind": "function",
    "name": "sagas_start(p_owner bigint, p_records json)",
    "definition": "d8c150c802962377eb6f7e5f6ea58fda"
  },
  {
    "kind": "function",
    "name": "sagas_write(p_owner bigint, p_records json, p_steps json, p_undone json, p_taken json, p_waits boolean)",
    "definition": "f48219810132149c2a9c420e934346a5"
  },
  {
    "kind": "function",
    "name": "send_job(queue text, payload jsonb, run_at timestamp with time zone, priority integer, unique_key text, key text)",
    "definition": "5fa851ddc2c0ee4f9304b9f4a252c0cd"
  },
  {
    "kind": "function",
    "name": "try_lock(key text, ttl interval, label text, OUT token bigint, OUT fence bigint)",
    "definition": "90134bb725f797effb7aa3b04996c62e"
  },
  {
    "kind": "function",
    "name": "unlock(token bigint)",
    "definition": "149dca239578c9919325ca50509e39ee"
  },
  {
    "kind": "function",
    "name": "watch_forget(p_minutes_ms double precision, p_hours_ms double precision, p_most integer)",
    "definition": "1905db5244738527a92b3cd7b1f12edb"
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
    "kind": "index",
    "name": "holds_sources_name_key",
    "definition": "CREATE UNIQUE INDEX holds_sources_name_key ON holdfast.holds_sources USING btree (name)"
  },
  {
    "kind": "index",
    "name": "holds_sources_pkey",
    "definition": "CREATE UNIQUE INDEX holds_sources_pkey ON holdfast.holds_sources USING btree (id)"
  },
  {
    "kind": "index",
    "name": "holds_stock_pkey",
    "definition": "CREATE UNIQUE INDEX holds_stock_pkey ON holdfast.holds_stock USING btree (resource)"
  },
  {
    "kind": "index",
    "name": "holds_taken_expiry",
    "definition": "CREATE INDEX holds_taken_expiry ON holdfast.holds_taken USING btree (expires_at) WHERE (NOT is_confirmed)"
  },
  {
    "kind": "index",
    "name": "holds_taken_held",
    "definition": "CREATE INDEX holds_taken_held ON holdfast.holds_taken USING btree (source, resource, expires_at) WHERE (NOT is_confirmed)"
  },
  {
    "kind": "index",
    "name": "holds_taken_key",
    "definition": "CREATE UNIQUE INDEX holds_taken_key ON holdfast.holds_taken USING btree (source, resource, key) WHERE (key IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "holds_taken_pkey",
    "definition": "CREATE UNIQUE INDEX holds_taken_pkey ON holdfast.holds_taken USING btree (id)"
  },
  {
    "kind": "index",
    "name": "holds_units_free",
    "definition": "CREATE INDEX holds_units_free ON holdfast.holds_units USING btree (resource, unit) WHERE (hold_id IS NULL)"
  },
  {
    "kind": "index",
    "name": "holds_units_pkey",
    "definition": "CREATE UNIQUE INDEX holds_units_pkey ON holdfast.holds_units USING btree (resource, unit)"
  },
  {
    "kind": "index",
    "name": "idempotency_answers_expiry",
    "definition": "CREATE INDEX idempotency_answers_expiry ON holdfast.idempotency_answers USING btree (expires_at)"
  },
  {
    "kind": "index",
    "name": "idempotency_answers_pkey",
    "definition": "CREATE UNIQUE INDEX idempotency_answers_pkey ON holdfast.idempotency_answers USING btree (scope, principal, key)"
  },
  {
    "kind": "index",
    "name": "jobs_cancels_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_cancels_pkey ON holdfast.jobs_cancels USING btree (job_id)"
  },
  {
    "kind": "index",
    "name": "jobs_claims_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_claims_pkey ON holdfast.jobs_claims USING btree (lane, cid)"
  },
  {
    "kind": "index",
    "name": "jobs_claims_worker",
    "definition": "CREATE INDEX jobs_claims_worker ON holdfast.jobs_claims USING btree (worker)"
  },
  {
    "kind": "index",
    "name": "jobs_counts_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_counts_pkey ON holdfast.jobs_counts USING btree (queue, minute)"
  },
  {
    "kind": "index",
    "name": "jobs_crons_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_crons_pkey ON holdfast.jobs_crons USING btree (name)"
  },
  {
    "kind": "index",
    "name": "jobs_dead_body",
    "definition": "CREATE INDEX jobs_dead_body ON holdfast.jobs_dead USING gin (body jsonb_path_ops)"
  },
  {
    "kind": "index",
    "name": "jobs_dead_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_dead_pkey ON holdfast.jobs_dead USING btree (id)"
  },
  {
    "kind": "index",
    "name": "jobs_dead_queue",
    "definition": "CREATE INDEX jobs_dead_queue ON holdfast.jobs_dead USING btree (queue, died_at, id)"
  },
  {
    "kind": "index",
    "name": "jobs_keeps_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_keeps_pkey ON holdfast.jobs_keeps USING btree (queue)"
  },
  {
    "kind": "index",
    "name": "jobs_lanes_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_lanes_pkey ON holdfast.jobs_lanes USING btree (lane)"
  },
  {
    "kind": "index",
    "name": "jobs_lanes_queue_priority_key",
    "definition": "CREATE UNIQUE INDEX jobs_lanes_queue_priority_key ON holdfast.jobs_lanes USING btree (queue, priority)"
  },
  {
    "kind": "index",
    "name": "jobs_later_due",
    "definition": "CREATE INDEX jobs_later_due ON holdfast.jobs_later USING btree (run_at, id)"
  },
  {
    "kind": "index",
    "name": "jobs_later_id",
    "definition": "CREATE INDEX jobs_later_id ON holdfast.jobs_later USING btree (id)"
  },
  {
    "kind": "index",
    "name": "jobs_marks_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_marks_pkey ON holdfast.jobs_marks USING btree (lane, version)"
  },
  {
    "kind": "index",
    "name": "jobs_progress_at",
    "definition": "CREATE INDEX jobs_progress_at ON holdfast.jobs_progress USING btree (at)"
  },
  {
    "kind": "index",
    "name": "jobs_progress_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_progress_pkey ON holdfast.jobs_progress USING btree (job_id)"
  },
  {
    "kind": "index",
    "name": "jobs_queues_name_key",
    "definition": "CREATE UNIQUE INDEX jobs_queues_name_key ON holdfast.jobs_queues USING btree (name)"
  },
  {
    "kind": "index",
    "name": "jobs_queues_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_queues_pkey ON holdfast.jobs_queues USING btree (id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_0_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_0_lane_id_idx ON holdfast.jobs_ready_0 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_0_origin_idx",
    "definition": "CREATE INDEX jobs_ready_0_origin_idx ON holdfast.jobs_ready_0 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_1_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_1_lane_id_idx ON holdfast.jobs_ready_1 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_1_origin_idx",
    "definition": "CREATE INDEX jobs_ready_1_origin_idx ON holdfast.jobs_ready_1 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_2_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_2_lane_id_idx ON holdfast.jobs_ready_2 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_2_origin_idx",
    "definition": "CREATE INDEX jobs_ready_2_origin_idx ON holdfast.jobs_ready_2 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_3_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_3_lane_id_idx ON holdfast.jobs_ready_3 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_3_origin_idx",
    "definition": "CREATE INDEX jobs_ready_3_origin_idx ON holdfast.jobs_ready_3 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_4_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_4_lane_id_idx ON holdfast.jobs_ready_4 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_4_origin_idx",
    "definition": "CREATE INDEX jobs_ready_4_origin_idx ON holdfast.jobs_ready_4 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_5_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_5_lane_id_idx ON holdfast.jobs_ready_5 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_5_origin_idx",
    "definition": "CREATE INDEX jobs_ready_5_origin_idx ON holdfast.jobs_ready_5 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_6_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_6_lane_id_idx ON holdfast.jobs_ready_6 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_6_origin_idx",
    "definition": "CREATE INDEX jobs_ready_6_origin_idx ON holdfast.jobs_ready_6 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_7_lane_id_idx",
    "definition": "CREATE INDEX jobs_ready_7_lane_id_idx ON holdfast.jobs_ready_7 USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_7_origin_idx",
    "definition": "CREATE INDEX jobs_ready_7_origin_idx ON holdfast.jobs_ready_7 USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_order",
    "definition": "CREATE INDEX jobs_ready_order ON ONLY holdfast.jobs_ready USING btree (lane, id)"
  },
  {
    "kind": "index",
    "name": "jobs_ready_origin",
    "definition": "CREATE INDEX jobs_ready_origin ON ONLY holdfast.jobs_ready USING btree (origin) WHERE (origin IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "jobs_results_expiry",
    "definition": "CREATE INDEX jobs_results_expiry ON holdfast.jobs_results USING btree (expires_at)"
  },
  {
    "kind": "index",
    "name": "jobs_results_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_results_pkey ON holdfast.jobs_results USING btree (id)"
  },
  {
    "kind": "index",
    "name": "jobs_results_queue",
    "definition": "CREATE INDEX jobs_results_queue ON holdfast.jobs_results USING btree (queue, id)"
  },
  {
    "kind": "index",
    "name": "jobs_unique_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_unique_pkey ON holdfast.jobs_unique USING btree (queue, key)"
  },
  {
    "kind": "index",
    "name": "jobs_upkeep_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_upkeep_pkey ON holdfast.jobs_upkeep USING btree (at)"
  },
  {
    "kind": "index",
    "name": "jobs_waiting_free",
    "definition": "CREATE INDEX jobs_waiting_free ON holdfast.jobs_waiting USING btree (lane, id) WHERE is_free"
  },
  {
    "kind": "index",
    "name": "jobs_waiting_id",
    "definition": "CREATE INDEX jobs_waiting_id ON holdfast.jobs_waiting USING btree (id)"
  },
  {
    "kind": "index",
    "name": "jobs_waiting_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_waiting_pkey ON holdfast.jobs_waiting USING btree (queue, key, id)"
  },
  {
    "kind": "index",
    "name": "jobs_workers_pkey",
    "definition": "CREATE UNIQUE INDEX jobs_workers_pkey ON holdfast.jobs_workers USING btree (id)"
  },
  {
    "kind": "index",
    "name": "locks_marks_marked_at",
    "definition": "CREATE INDEX locks_marks_marked_at ON holdfast.locks_marks USING btree (marked_at)"
  },
  {
    "kind": "index",
    "name": "locks_marks_pkey",
    "definition": "CREATE UNIQUE INDEX locks_marks_pkey ON holdfast.locks_marks USING btree (key)"
  },
  {
    "kind": "index",
    "name": "locks_owners_pkey",
    "definition": "CREATE UNIQUE INDEX locks_owners_pkey ON holdfast.locks_owners USING btree (id)"
  },
  {
    "kind": "index",
    "name": "locks_requests_owner",
    "definition": "CREATE INDEX locks_requests_owner ON holdfast.locks_requests USING btree (owner)"
  },
  {
    "kind": "index",
    "name": "locks_requests_pkey",
    "definition": "CREATE UNIQUE INDEX locks_requests_pkey ON holdfast.locks_requests USING btree (key, ticket)"
  },
  {
    "kind": "index",
    "name": "locks_requests_ticket",
    "definition": "CREATE INDEX locks_requests_ticket ON holdfast.locks_requests USING btree (ticket)"
  },
  {
    "kind": "index",
    "name": "locks_requests_within",
    "definition": "CREATE INDEX locks_requests_within ON holdfast.locks_requests USING btree (within) WHERE (within IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "sagas_actions_pkey",
    "definition": "CREATE UNIQUE INDEX sagas_actions_pkey ON holdfast.sagas_actions USING btree (id)"
  },
  {
    "kind": "index",
    "name": "sagas_actions_saga",
    "definition": "CREATE INDEX sagas_actions_saga ON holdfast.sagas_actions USING btree (saga, id)"
  },
  {
    "kind": "index",
    "name": "sagas_instances_ended",
    "definition": "CREATE INDEX sagas_instances_ended ON holdfast.sagas_instances USING btree (kind, finished_at) WHERE (finished_at IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "sagas_instances_owner",
    "definition": "CREATE INDEX sagas_instances_owner ON holdfast.sagas_instances USING btree (owner) WHERE (owner IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "sagas_instances_pkey",
    "definition": "CREATE UNIQUE INDEX sagas_instances_pkey ON holdfast.sagas_instances USING btree (id)"
  },
  {
    "kind": "index",
    "name": "sagas_instances_stuck",
    "definition": "CREATE INDEX sagas_instances_stuck ON holdfast.sagas_instances USING btree (kind, started_at) WHERE (state = 'stuck'::text)"
  },
  {
    "kind": "index",
    "name": "sagas_instances_undoing",
    "definition": "CREATE INDEX sagas_instances_undoing ON holdfast.sagas_instances USING btree (started_at) WHERE (state = 'compensating'::text)"
  },
  {
    "kind": "index",
    "name": "sagas_instances_wake",
    "definition": "CREATE INDEX sagas_instances_wake ON holdfast.sagas_instances USING btree (kind, wake_at) WHERE ((owner IS NULL) AND (wake_at IS NOT NULL))"
  },
  {
    "kind": "index",
    "name": "sagas_kinds_name_version_key",
    "definition": "CREATE UNIQUE INDEX sagas_kinds_name_version_key ON holdfast.sagas_kinds USING btree (name, version)"
  },
  {
    "kind": "index",
    "name": "sagas_kinds_pkey",
    "definition": "CREATE UNIQUE INDEX sagas_kinds_pkey ON holdfast.sagas_kinds USING btree (id)"
  },
  {
    "kind": "index",
    "name": "sagas_signals_key",
    "definition": "CREATE UNIQUE INDEX sagas_signals_key ON holdfast.sagas_signals USING btree (saga, event, key) WHERE (key IS NOT NULL)"
  },
  {
    "kind": "index",
    "name": "sagas_signals_pkey",
    "definition": "CREATE UNIQUE INDEX sagas_signals_pkey ON holdfast.sagas_signals USING btree (id)"
  },
  {
    "kind": "index",
    "name": "sagas_signals_saga",
    "definition": "CREATE INDEX sagas_signals_saga ON holdfast.sagas_signals USING btree (saga, id)"
  },
  {
    "kind": "index",
    "name": "sagas_steps_pkey",
    "definition": "CREATE UNIQUE INDEX sagas_steps_pkey ON holdfast.sagas_steps USING btree (saga, seq)"
  },
  {
    "kind": "index",
    "name": "sagas_workers_pkey",
    "definition": "CREATE UNIQUE INDEX sagas_workers_pkey ON holdfast.sagas_workers USING btree (id)"
  },
  {
    "kind": "index",
    "name": "watch_clashes_by_overlaps",
    "definition": "CREATE INDEX watch_clashes_by_overlaps ON holdfast.watch_clashes USING btree (((protected_by IS NULL)) DESC, real_overlaps DESC, window_ms DESC)"
  },
  {
    "kind": "index",
    "name": "watch_clashes_pkey",
    "definition": "CREATE UNIQUE INDEX watch_clashes_pkey ON holdfast.watch_clashes USING btree (id)"
  },
  {
    "kind": "index",
    "name": "watch_deploys_pkey",
    "definition": "CREATE UNIQUE INDEX watch_deploys_pkey ON holdfast.watch_deploys USING btree (label)"
  },
  {
    "kind": "index",
    "name": "watch_findings_by_time",
    "definition": "CREATE INDEX watch_findings_by_time ON holdfast.watch_findings USING btree (last_seen_at DESC)"
  },
  {
    "kind": "index",
    "name": "watch_findings_kind_statement_subject_key",
    "definition": "CREATE UNIQUE INDEX watch_findings_kind_statement_subject_key ON holdfast.watch_findings USING btree (kind, statement, subject)"
  },
  {
    "kind": "index",
    "name": "watch_findings_pkey",
    "definition": "CREATE UNIQUE INDEX watch_findings_pkey ON holdfast.watch_findings USING btree (id)"
  },
  {
    "kind": "index",
    "name": "watch_outbound_pkey",
    "definition": "CREATE UNIQUE INDEX watch_outbound_pkey ON holdfast.watch_outbound USING btree (minutes, began_at, process, route, segment, host)"
  },
  {
    "kind": "index",
    "name": "watch_plans_pkey",
    "definition": "CREATE UNIQUE INDEX watch_plans_pkey ON holdfast.watch_plans USING btree (statement, shape)"
  },
  {
    "kind": "index",
    "name": "watch_series_pkey",
    "definition": "CREATE UNIQUE INDEX watch_series_pkey ON holdfast.watch_series USING btree (minutes, began_at, process, route, segment, statement)"
  },
  {
    "kind": "index",
    "name": "watch_sightings_pkey",
    "definition": "CREATE UNIQUE INDEX watch_sightings_pkey ON holdfast.watch_sightings USING btree (minutes, began_at, statement, shape)"
  },
  {
    "kind": "index",
    "name": "watch_statements_pkey",
    "definition": "CREATE UNIQUE INDEX watch_statements_pkey ON holdfast.watch_statements USING btree (id)"
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
  },
  {
    "kind": "table",
    "name": "holds_ids",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "holds_sources",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "holds_sources_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "holds_stock",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "holds_taken",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "holds_units",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "idempotency_answers",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_cancels",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_claims",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_claims_cid_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "jobs_counts",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_crons",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_dead",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ids",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "jobs_keeps",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_lanes",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_later",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_marks",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_outcomes",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_progress",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_queues",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_queues_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "jobs_ready",
    "definition": "p"
  },
  {
    "kind": "table",
    "name": "jobs_ready_0",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_1",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_2",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_3",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_4",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_5",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_6",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_ready_7",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_results",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_tokens",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "jobs_unique",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_upkeep",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_waiting",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_workers",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "jobs_workers_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "locks_fences",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "locks_marks",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "locks_overview",
    "definition": "v"
  },
  {
    "kind": "table",
    "name": "locks_owners",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "locks_owners_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "locks_requests",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "locks_tickets",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "sagas_actions",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "sagas_actions_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "sagas_instances",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "sagas_kinds",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "sagas_kinds_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "sagas_signals",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "sagas_signals_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "sagas_steps",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "sagas_workers",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "sagas_workers_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "watch_clashes",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_deploys",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_findings",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_findings_id_seq",
    "definition": "S"
  },
  {
    "kind": "table",
    "name": "watch_outbound",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_plans",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_series",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_sightings",
    "definition": "r"
  },
  {
    "kind": "table",
    "name": "watch_statements",
    "definition": "r"
  }
]
