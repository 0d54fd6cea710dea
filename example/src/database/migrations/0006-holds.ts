import type { Migration } from './migration.js'

/**
 * Places are taken by holds. A seat is free while it has none; an order knows those that its places came from, and no
 * hold is of two orders. What was sold before there were holds has none to be released: its seats carry the order's id
 * below zero, which no hold has, so that they are not free either.
 */
export const holds: Migration = {
  name: '0006_holds',
  sql: `
alter table seats add column hold_id bigint;
update seats set hold_id = -order_id where order_id is not null;
alter table seats drop column order_id;
create index seats_free_idx on seats (event_id, id) where hold_id is null;

alter table orders add column seats_hold_id bigint, add column standing_hold_id bigint;
create unique index orders_seats_hold_id_idx on orders (seats_hold_id) where seats_hold_id is not null;
create unique index orders_standing_hold_id_idx on orders (standing_hold_id) where standing_hold_id is not null;
`,
}
