import type { Migration } from './migration.js'

/**
 * What was ordered from the shop's former system, until it is imported an empty table; see modules/history. Each index is
 * good for what it was made for, and neither is for the newest orders of one customer.
 */
export const pastOrders: Migration = {
  name: '0010_past_orders',
  sql: `
create table past_orders (
  id          bigint generated always as identity primary key,
  -- No reference: most customers of the former system never came over to this one.
  customer_id bigint not null,
  title       text not null,
  places      integer not null check (places > 0),
  total_cents integer not null check (total_cents >= 0),
  currency    char(3) not null check (currency ~ '^[A-Z]{3}$'),
  ordered_at  timestamptz(3) not null
);
-- One customer's.
create index past_orders_customer_id_idx on past_orders (customer_id);
-- From when until when, for the books.
create index past_orders_ordered_at_id_idx on past_orders (ordered_at, id);

-- How far the import is; written in the transactions that write the orders.
create table history_imports (
  id       integer primary key check (id = 1),
  regulars bigint[] not null,
  target   integer not null check (target > 0),
  imported integer not null check (imported >= 0)
);
`,
}
