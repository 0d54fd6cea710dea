import type { Migration } from './migration.js'

/** A cancelled event is sold no more; the index finds the orders that are to be refunded. */
export const cancellations: Migration = {
  name: '0008_cancellations',
  sql: `
alter table events add column cancelled_at timestamptz(3);
create index orders_event_idx on orders (event_id, id) where status in ('pending', 'payment_unknown', 'paid', 'cancelling');
`,
}
