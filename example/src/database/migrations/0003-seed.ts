import type { Migration } from './migration.js'

/** What the seed has done: each batch is recorded in the transaction that writes its rows. */
export const seed: Migration = {
  name: '0003_seed',
  sql: `
create table seed_runs (
  id     integer primary key check (id = 1),
  seed   integer not null,
  anchor timestamptz(3) not null
);
create table seed_batches (
  part    text not null,
  batch   integer not null,
  done_at timestamptz(3) not null default now(),
  primary key (part, batch)
);
`,
}
