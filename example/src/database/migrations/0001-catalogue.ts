import type { Migration } from './migration.js'

/** Venues, events and what they sell. */
export const catalogue: Migration = {
  name: '0001_catalogue',
  sql: `
create table venues (
  id       bigint generated always as identity primary key,
  name     text not null check (name <> ''),
  city     text not null,
  country  text not null,
  capacity integer not null check (capacity > 0),
  unique (name, city)
);

create table events (
  id        bigint generated always as identity primary key,
  venue_id  bigint not null references venues,
  title     text not null check (title <> ''),
  genre     text not null,
  place     text not null,
  -- Milliseconds, as a JavaScript Date holds: a page cursor made from microseconds would skip or repeat rows.
  starts_at timestamptz(3) not null,
  currency  char(3) not null check (currency ~ '^[A-Z]{3}$'),
  standing_price_cents integer not null check (standing_price_cents >= 0),
  search    tsvector not null generated always as
            (to_tsvector('simple', title || ' ' || genre || ' ' || place)) stored
);
create index events_starts_at_id_idx on events (starts_at, id);
create index events_venue_id_idx on events (venue_id, starts_at);
create index events_search_idx on events using gin (search);

-- fillfactor: the row is rewritten at each sale; with room on its page the update needs no index change.
create table standing_stock (
  event_id  bigint primary key references events,
  capacity  integer not null check (capacity >= 0),
  remaining integer not null check (remaining >= 0 and remaining <= capacity)
) with (fillfactor = 50);
`,
}
