import type { Db } from '../../src/core/index.js'
import { writeClashes } from '../../src/watch/clash/store.js'
import type { Clash, ClashReplay } from '../../src/watch/index.js'

const shared = {
  hints: {
    keys: ['id'],
    reads: 'row',
    isOneStatement: false,
    sets: [{ column: 'taken', how: 'value' }],
    writes: 'update',
    into: 'shows',
    isInTransaction: false,
    isOtherAlone: false,
  },
  isolation: 'read committed',
  sharesTransaction: false,
  protectedBy: null,
  realOverlap: null,
} as const

const readShow = {
  route: 'POST /shows/:id/orders',
  statement: '-731',
  text: 'select id, capacity, taken from shows where id = $1',
  site: 'src/orders/place-order.ts:41',
}
const writeShow = {
  route: 'POST /shows/:id/orders',
  statement: '-732',
  text: 'update shows set taken = $1, updated_at = now() where id = $2',
  site: 'src/orders/place-order.ts:58',
}

/** What processes would have written: two that really met, one that has not, and two that are kept apart. */
export const clashes: readonly Clash[] = [
  {
    ...shared,
    id: 'aa000001',
    kind: 'lost update',
    table: 'shows',
    columns: ['taken'],
    read: readShow,
    write: writeShow,
    other: writeShow,
    inVain: ['read and write are not in one transaction'],
    overlaps: 14,
    realOverlap: {
      first: { route: readShow.route, readAt: 0, wroteAt: 41.7 },
      second: { route: readShow.route, readAt: 12.4, wroteAt: 63.9 },
    },
    windowMs: 63.2,
    requests: 1_204,
  },
  {
    ...shared,
    id: 'aa000002',
    kind: 'write skew',
    table: 'waiting_list_entries_of_shows',
    columns: ['show_id', 'position', 'confirmed_at'],
    read: {
      route: 'POST /organisers/:organiser/shows/:id/waiting-list/:entry/confirmations',
      statement: '-733',
      text: 'select count(*) from waiting_list_entries_of_shows where show_id = $1 and confirmed_at is not null',
      site: 'src/waiting-list/confirm-an-entry-of-the-list.ts:117',
    },
    write: {
      route: 'POST /organisers/:organiser/shows/:id/waiting-list/:entry/confirmations',
      statement: '-734',
      text: 'update waiting_list_entries_of_shows set confirmed_at = now() where show_id = $1 and position = $2',
      site: 'src/waiting-list/confirm-an-entry-of-the-list.ts:131',
    },
    other: {
      route: 'DELETE /shows/:id/waiting-list',
      statement: '-735',
      text: 'delete from waiting_list_entries_of_shows where show_id = $1',
      site: '',
    },
    sharesTransaction: true,
    isolation: 'repeatable read',
    inVain: [
      'REPEATABLE READ',
      'a lock of POST /organisers/:organiser/shows/:id/waiting-list/:entry/confirmations (advisory 7) that DELETE /shows/:id/waiting-list does not take',
    ],
    overlaps: 1,
    realOverlap: {
      first: { route: 'DELETE /shows/:id/waiting-list', readAt: 0, wroteAt: 0.9 },
      second: {
        route: 'POST /organisers/:organiser/shows/:id/waiting-list/:entry/confirmations',
        readAt: 0.3,
        wroteAt: 8.05,
      },
    },
    windowMs: 8.4,
    requests: 77,
  },
  {
    ...shared,
    id: 'aa000003',
    kind: 'check then insert',
    table: 'customers',
    columns: ['email'],
    read: {
      route: 'POST /customers',
      statement: '-736',
      text: 'select id from customers where email = $1',
      site: 'src/customers.ts:12',
    },
    write: {
      route: 'POST /customers',
      statement: '-737',
      text: 'insert into customers (email, name) values ($1, $2) returning id',
      site: 'src/customers.ts:19',
    },
    other: {
      route: 'POST /imports',
      statement: '-738',
      text: 'insert into customers (email) values ($1)',
      site: 'src/imports.ts:80',
    },
    inVain: [],
    overlaps: 0,
    windowMs: 3.1,
    requests: 40,
  },
  {
    ...shared,
    id: 'bb000001',
    kind: 'check then update',
    table: 'wallets',
    columns: ['balance'],
    read: {
      route: 'POST /pay',
      statement: '-739',
      text: 'select balance from wallets where id = $1 for update',
      site: 'src/pay.ts:8',
    },
    write: {
      route: 'POST /pay',
      statement: '-740',
      text: 'update wallets set balance = $1 where id = $2',
      site: 'src/pay.ts:11',
    },
    other: {
      route: 'POST /pay',
      statement: '-740',
      text: 'update wallets set balance = $1 where id = $2',
      site: 'src/pay.ts:11',
    },
    sharesTransaction: true,
    inVain: [],
    protectedBy: 'the lock of the row that is read',
    overlaps: 31,
    windowMs: 120.5,
    requests: 900,
  },
  {
    ...shared,
    id: 'bb000002',
    kind: 'get or create',
    table: 'carts',
    columns: ['customer_id'],
    read: {
      route: 'GET /cart',
      statement: '-741',
      text: 'select id from carts where customer_id = $1',
      site: 'src/cart.ts:5',
    },
    write: {
      route: 'GET /cart',
      statement: '-742',
      text: 'insert into carts (customer_id) values ($1)',
      site: 'src/cart.ts:9',
    },
    other: {
      route: 'GET /cart',
      statement: '-742',
      text: 'insert into carts (customer_id) values ($1)',
      site: 'src/cart.ts:9',
    },
    inVain: [],
    protectedBy: 'the unique index over customer_id',
    overlaps: 0,
    windowMs: 2,
    requests: 60,
  },
]

export const replay: ClashReplay = {
  verdict: 'clash',
  reason: 'Two orders of one show: 2 tickets sold, shows.taken is 1, and in either order one after the other it is 2.',
  diagram: [
    'POST /shows/:id/orders (1)              POST /shows/:id/orders (2)',
    '--------------------------              --------------------------',
    'select … from shows  -> taken 0',
    '                                        select … from shows  -> taken 0',
    'update shows set taken = 1',
    '                                        update shows set taken = 1   (lost)',
    '200                                     200',
    '------------------------------------------------------------------------------',
  ].join('\n'),
  schedules: 42,
  ms: 1_830,
  fix: {
    title: 'let the statement compute',
    held: true,
    sql: 'update shows set taken = taken + $1, updated_at = now()\n where id = $2 and taken + $1 <= capacity',
  },
}

/** As a process that has watched writes them. */
export async function fillClashes(db: Db, given: readonly Clash[] = clashes): Promise<void> {
  await writeClashes(db, given)
}
