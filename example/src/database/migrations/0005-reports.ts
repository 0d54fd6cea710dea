import type { Migration } from './migration.js'

/** Reports read an event's orders in the order of their ids, some hundred at a time: without the id in it, each chunk would sort all of them. */
export const reports: Migration = {
  name: '0005_reports',
  sql: `
create index orders_event_id_id_idx on orders (event_id, id);
drop index orders_event_id_idx;
`,
}
