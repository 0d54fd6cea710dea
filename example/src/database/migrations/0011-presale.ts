import type { Migration } from './migration.js'

/**
 * What the presale sells; see modules/presale. On purpose nothing here refuses what must not be: no check of what remains,
 * no unique index over codes. The dial shows what then happens, and who tells.
 */
export const presale: Migration = {
  name: '0011_presale',
  sql: `
create table presale_passes (
  event_id  bigint primary key references events,
  remaining integer not null
);

create table presale_redemptions (
  id          bigint generated always as identity primary key,
  code        text not null,
  customer_id bigint not null
);
create index presale_redemptions_code_idx on presale_redemptions (code);

create table presale_seats (
  event_id    bigint not null references events,
  seat_number integer not null,
  customer_id bigint,
  primary key (event_id, seat_number)
);
create index presale_seats_customer_id_idx on presale_seats (customer_id);
`,
}
