import type { Migration } from './migration.js'

/** The last export of each customer. `fence` is of the lock that it was written under: a later export has a higher one. */
export const orderExports: Migration = {
  name: '0007_exports',
  sql: `
create table order_exports (
  customer_id bigint primary key references customers,
  made_at     timestamptz(3) not null default now(),
  orders      integer not null check (orders >= 0),
  csv         text not null,
  fence       bigint not null
);
`,
}
