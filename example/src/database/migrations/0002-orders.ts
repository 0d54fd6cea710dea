import type { Migration } from './migration.js'

/** Customers, orders and numbered seats. */
export const orders: Migration = {
  name: '0002_orders',
  sql: `
create table customers (
  id         bigint generated always as identity primary key,
  email      text not null unique check (email = lower(email)),
  name       text not null check (name <> ''),
  created_at timestamptz(3) not null default now()
);

create table orders (
  id          bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  event_id    bigint not null references events,
  status      text not null check
              (status in ('pending', 'paid', 'payment_unknown', 'payment_failed', 'cancelling', 'cancelled')),
  standing_quantity integer not null check (standing_quantity >= 0),
  total_cents  integer not null check (total_cents >= 0),
  currency     char(3) not null check (currency ~ '^[A-Z]{3}$'),
  payment_key  uuid not null default gen_random_uuid() unique,
  charge_id    text,
  refund_id    text,
  created_at   timestamptz(3) not null default now(),
  paid_at      timestamptz(3),
  cancelled_at timestamptz(3),
  check (status not in ('paid', 'cancelling', 'cancelled') or charge_id is not null),
  check (status <> 'cancelled' or refund_id is not null)
);
create index orders_customer_id_id_idx on orders (customer_id, id desc);
create index orders_event_id_idx on orders (event_id);
-- Few rows are ever open: what the settler looks for is found without reading the history.
create index orders_open_idx on orders (id) where status in ('pending', 'payment_unknown');

-- A seat is free while it has no order; a flag beside it could contradict it.
create table seats (
  id          bigint generated always as identity primary key,
  event_id    bigint not null references events,
  section     text not null,
  row_label   text not null,
  seat_number integer not null check (seat_number > 0),
  price_cents integer not null check (price_cents >= 0),
  order_id    bigint references orders,
  unique (event_id, section, row_label, seat_number)
) with (fillfactor = 90);
create index seats_event_id_id_idx on seats (event_id, id);
create index seats_order_id_idx on seats (order_id) where order_id is not null;

create table order_items (
  order_id    bigint not null references orders,
  line        integer not null check (line > 0),
  seat_id     bigint references seats,
  quantity    integer not null check (quantity > 0 and (seat_id is null or quantity = 1)),
  price_cents integer not null check (price_cents >= 0),
  primary key (order_id, line)
);
create index order_items_seat_id_idx on order_items (seat_id) where seat_id is not null;
`,
}
