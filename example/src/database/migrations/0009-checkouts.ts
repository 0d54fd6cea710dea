import type { Migration } from './migration.js'

/**
 * An order is made by its checkout, and a hold is of one checkout. Tickets are issued with the sale. The settler that asked
 * for open payments is gone, and so is its index.
 */
export const checkouts: Migration = {
  name: '0009_checkouts',
  sql: `
alter table orders add column checkout_id uuid unique;

create table checkout_holds (
  hold_id     bigint primary key,
  checkout_id uuid not null
);

create table tickets (
  order_id bigint not null references orders,
  number   integer not null check (number > 0),
  -- Null for a standing place.
  seat_id  bigint references seats,
  code     uuid not null default gen_random_uuid() unique,
  primary key (order_id, number)
);

drop index orders_open_idx;
`,
}
