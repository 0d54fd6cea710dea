import type { Migration } from './migration.js'

/**
 * Mails to customers. One row per order: a second confirmation is refused by the key, so a job that ran twice would
 * fail loudly and not write twice. No address: whoever delivers a row reads the customer's, which may have changed.
 */
export const mails: Migration = {
  name: '0004_mails',
  sql: `
create table outgoing_mails (
  order_id    bigint primary key references orders,
  customer_id bigint not null references customers,
  subject     text not null check (subject <> ''),
  body        text not null,
  written_at  timestamptz(3) not null default now()
);
create index outgoing_mails_customer_id_idx on outgoing_mails (customer_id);
`,
}
