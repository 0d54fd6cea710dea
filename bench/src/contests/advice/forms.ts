import type { Sizes } from './schema.js'

/** A number from 0 to 1. */
type Random = () => number

/** A statement as applications have it. */
export interface Form {
  name: string
  text: string
  values: (random: Random, sizes: Sizes) => unknown[]
  /** What somebody who knows would build; null: no index is the answer. */
  expert: string[] | null
  /** It changes rows: measured in a transaction that is rolled back. */
  isWrite?: true
  runs?: number
}

const upTo = (random: Random, most: number) => 1 + Math.floor(most * random())
const skewed = (random: Random, most: number) => 1 + Math.floor(most * random() ** 3)
const pick = (random: Random, ...words: string[]) => words[Math.floor(words.length * random())]
/** Days before the newest row. */
const daysAgo = (days: number) => new Date(Date.UTC(2026, 10, 1) - days * 86_400_000)
const none = () => []

export const STORY = 'trades of an account, newest first'

export const forms: readonly Form[] = [
  {
    name: STORY,
    text: 'select * from trades where user_id = $1 order by created_at desc limit 50',
    values: (random, { trades }) => [random() < 0.08 ? 1 : 1 + upTo(random, trades / 30)],
    expert: ['create index on trades (user_id, created_at desc)'],
    runs: 120,
  },
  {
    name: 'orders of a customer',
    text: 'select * from orders where customer_id = $1',
    values: (random, { customers }) => [upTo(random, customers)],
    expert: null,
  },
  {
    name: 'orders of a tenant in a state, newest first',
    text: 'select id, total, created_at from orders where tenant_id = $1 and status = $2 order by created_at desc limit 20',
    values: (random, { tenants }) => [skewed(random, tenants), pick(random, 'paid', 'shipped', 'returned', 'failed')],
    expert: ['create index on orders (tenant_id, status, created_at desc)'],
  },
  {
    name: 'orders of a tenant in one of two states, newest first',
    text: 'select id, status, total from orders where tenant_id = $1 and status in ($2, $3) order by created_at desc limit 20',
    values: (random, { tenants }) => [skewed(random, tenants), 'paid', 'shipped'],
    expert: ['create index on orders (tenant_id, created_at desc)'],
  },
  {
    name: 'orders that wait or failed, oldest first',
    text: `select id, tenant_id from orders where status in ('pending', 'failed') order by created_at limit 50`,
    values: none,
    expert: [`create index on orders (created_at) where status in ('pending', 'failed')`],
  },
  {
    name: 'turnover of a tenant in a week',
    text: 'select count(*), sum(total) from orders where tenant_id = $1 and created_at >= $2 and created_at < $3',
    values: (random, { tenants }) => {
      const days = 14 + upTo(random, 60)
      return [skewed(random, tenants), daysAgo(days), daysAgo(days - 7)]
    },
    expert: ['create index on orders (tenant_id, created_at)'],
  },
  {
    name: 'shipped orders of a tenant, nulls last',
    text: 'select id, shipped_at from orders where tenant_id = $1 order by shipped_at desc nulls last limit 20',
    values: (random, { tenants }) => [skewed(random, tenants)],
    expert: ['create index on orders (tenant_id, shipped_at desc nulls last)'],
  },
  {
    name: 'an order by its reference',
    text: 'select * from orders where ref = $1',
    values: () => ['c4ca4238-a0b9-2382-0dcc-509a6f75849b'],
    expert: ['create index on orders (ref)'],
  },
  {
    name: 'an order by customer or reference',
    text: 'select id from orders where customer_id = $1 or ref = $2',
    values: (random, { customers }) => [upTo(random, customers), 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'],
    expert: ['create index on orders (ref)'],
  },
  {
    name: 'an order by its id as text',
    text: 'select * from orders where id::text = $1',
    values: (random, { orders }) => [String(upTo(random, orders))],
    expert: null,
  },
  {
    name: 'items of an order',
    text: 'select * from order_items where order_id = $1',
    values: (random, { orders }) => [upTo(random, orders)],
    expert: ['create index on order_items (order_id)'],
  },
  {
    name: 'orders of a customer with their items',
    text: 'select o.id, o.total, i.product_id, i.quantity from orders o join order_items i on i.order_id = o.id where o.customer_id = $1',
    values: (random, { customers }) => [upTo(random, customers)],
    expert: ['create index on order_items (order_id)'],
  },
  {
    name: 'what an address bought, over four tables',
    text: `select p.name, i.quantity, o.created_at from customers c join orders o on o.customer_id = c.id join order_items i on i.order_id = o.id
      join products p on p.id = i.product_id where c.email = $1 order by o.created_at desc`,
    values: (random, { customers }) => {
      const n = upTo(random, customers)
      return [`user${n}@mail${n % 50}.example`]
    },
    expert: ['create index on customers (email)', 'create index on order_items (order_id)'],
  },
  {
    name: 'newest orders with a product',
    text: 'select o.id, o.created_at from order_items i join orders o on o.id = i.order_id where i.product_id = $1 order by o.created_at desc limit 20',
    values: (random, { products }) => [upTo(random, products)],
    expert: ['create index on order_items (product_id)'],
  },
  {
    name: 'most sold of a day',
    text: `select i.product_id, sum(i.quantity) from orders o join order_items i using (order_id) where o.created_at >= $1 and o.created_at < $2
      group by i.product_id order by 2 desc limit 10`.replace('using (order_id)', 'on i.order_id = o.id'),
    values: (random) => {
      const days = upTo(random, 300)
      return [daysAgo(days), daysAgo(days - 1)]
    },
    expert: ['create index on orders (created_at)', 'create index on order_items (order_id)'],
  },
  {
    name: 'a tenant’s customers with a failed order',
    text: `select c.id, c.email from customers c where c.tenant_id = $1 and exists (select 1 from orders o where o.customer_id = c.id and o.status = 'failed')`,
    values: (random, { tenants }) => [skewed(random, tenants)],
    expert: [`create index on orders (customer_id) where status = 'failed'`],
  },
  {
    name: 'products of a category never sold',
    text: 'select p.id from products p where p.category_id = $1 and not exists (select 1 from order_items i where i.product_id = p.id)',
    values: (random) => [upTo(random, 200)],
    expert: ['create index on order_items (product_id)'],
  },
  {
    name: 'products with a tag',
    text: 'select id, name from products where id in (select product_id from product_tags where tag_id = $1)',
    values: (random) => [upTo(random, 3_000)],
    expert: ['create index on product_tags (tag_id)'],
  },
  {
    name: 'tags of a product',
    text: 'select tag_id from product_tags where product_id = $1',
    values: (random, { products }) => [upTo(random, products)],
    expert: null,
  },
  {
    name: 'recent orders in a WITH, by country',
    text: `with recent as (select * from orders where tenant_id = $1 and created_at > $2)
      select c.country, count(*), sum(r.total) from recent r join customers c on c.id = r.customer_id group by c.country`,
    values: (random, { tenants }) => [skewed(random, tenants), daysAgo(3 + upTo(random, 20))],
    expert: ['create index on orders (tenant_id, created_at)'],
  },
  {
    name: 'waiting orders of a tenant, through a view',
    text: 'select id, total, email from open_orders where tenant_id = $1 order by created_at limit 20',
    values: (random, { tenants }) => [skewed(random, tenants)],
    expert: [`create index on orders (tenant_id, created_at) where status = 'pending'`],
  },
  {
    name: 'a customer by phone, or by address: a union',
    text: 'select id from customers where phone = $1 union select id from customers where email = $2',
    values: (random, { customers }) => [`+49${1_000_000 + 7 * upTo(random, customers)}`, 'nobody@mail.example'],
    expert: ['create index on customers (phone)', 'create index on customers (email)'],
  },
  {
    name: 'a customer by address in any case',
    text: 'select id, name from customers where lower(email) = lower($1)',
    values: (random, { customers }) => [`USER${upTo(random, customers)}@mail7.example`],
    expert: ['create index on customers (lower(email))'],
  },
  {
    name: 'customers by the beginning of their address',
    text: 'select id, email from customers where email like $1 limit 20',
    values: (random, { customers }) => [`user${upTo(random, customers / 10)}7@%`],
    expert: ['create index on customers (email text_pattern_ops)'],
  },
  {
    name: 'customers by a part of their name',
    text: 'select id, name from customers where name ilike $1 limit 20',
    values: (random) => [`%last${upTo(random, 4_999)}%`],
    expert: null,
  },
  {
    name: 'active customers',
    text: 'select count(*) from customers where is_active',
    values: none,
    expert: null,
  },
  {
    name: 'a product by its SKU',
    text: 'select * from products where sku = $1',
    values: () => ['SKU-c4ca4238a0b923820dcc509a6f75849b'],
    expert: ['create index on products (sku)'],
  },
  {
    name: 'products by an attribute',
    text: 'select id, name from products where attrs @> $1',
    values: (random) => [JSON.stringify({ batch: upTo(random, 1_499) })],
    expert: ['create index on products using gin (attrs jsonb_path_ops)'],
  },
  {
    name: 'products by a tag of an array',
    text: 'select id, name from products where tags @> $1',
    values: (random) => [[`t${upTo(random, 399)}`]],
    expert: ['create index on products using gin (tags)'],
  },
  {
    name: 'products by a tag, any()',
    text: 'select id, name from products where $1 = any(tags)',
    values: (random) => [`t${upTo(random, 399)}`],
    expert: null,
  },
  {
    name: 'events of a kind in a month, newest first',
    text: 'select id, user_id from events where tenant_id = $1 and kind = $2 and occurred_at >= $3 order by occurred_at desc limit 100',
    values: (random, { tenants }) => [skewed(random, tenants), pick(random, 'view', 'click', 'refund'), daysAgo(30)],
    expert: ['create index on events (tenant_id, kind, occurred_at)'],
  },
  {
    name: 'events about an order, by a field of JSON',
    text: `select id, kind from events where payload->>'order_id' = $1`,
    values: (random, { orders }) => [String(upTo(random, orders))],
    expert: [`create index on events ((payload->>'order_id'))`],
  },
  {
    name: 'events of a day, date_trunc',
    text: `select kind, count(*) from events where date_trunc('day', occurred_at) = $1 group by kind`,
    values: (random) => [daysAgo(upTo(random, 190))],
    expert: null,
  },
  {
    name: 'events by kind, all of them',
    text: 'select kind, count(*) from events group by kind',
    values: none,
    expert: null,
  },
  {
    name: 'messages of a conversation, next page',
    text: `select id, body, created_at from messages where conversation_id = $1 and (created_at, id) < ($2, $3) order by created_at desc, id desc limit 30`,
    values: (random) => [skewed(random, 20_000), daysAgo(upTo(random, 100)), 1_000_000],
    expert: ['create index on messages (conversation_id, created_at desc, id desc)'],
  },
  {
    name: 'unread messages of a conversation',
    text: 'select count(*) from messages where conversation_id = $1 and read_at is null and deleted_at is null',
    values: (random) => [skewed(random, 20_000)],
    expert: ['create index on messages (conversation_id) where read_at is null and deleted_at is null'],
  },
  {
    name: 'last message of each conversation, lateral',
    text: `select c.id, m.body from unnest($1::int[]) as c (id) cross join lateral
      (select body from messages where conversation_id = c.id order by created_at desc limit 1) m`,
    values: (random) => [Array.from({ length: 10 }, () => skewed(random, 20_000))],
    expert: ['create index on messages (conversation_id, created_at desc)'],
  },
  {
    name: 'messages deleted long ago are removed',
    text: 'delete from messages where deleted_at < $1',
    values: (random) => [daysAgo(50 + upTo(random, 9))],
    expert: ['create index on messages (deleted_at) where deleted_at is not null'],
    isWrite: true,
  },
  {
    name: 'next tasks of a queue, skip locked',
    text: `select id, payload from tasks where state = 'pending' and queue = $1 order by priority desc, run_at limit 10 for update skip locked`,
    values: (random) => [pick(random, 'mail', 'image', 'report', 'sync')],
    expert: [`create index on tasks (queue, priority desc, run_at) where state = 'pending'`],
    isWrite: true,
  },
  {
    name: 'late tasks are marked',
    text: `update tasks set attempts = attempts + 1 where queue = $1 and state = 'pending' and run_at < $2`,
    values: (random) => [pick(random, 'mail', 'image', 'report', 'sync'), daysAgo(85)],
    expert: [`create index on tasks (queue, run_at) where state = 'pending'`],
    isWrite: true,
  },
  {
    name: 'history of a thing',
    text: 'select * from audit_log where entity_type = $1 and entity_id = $2 order by at desc limit 20',
    values: (random) => [pick(random, 'order', 'customer', 'product'), upTo(random, 100_000)],
    expert: ['create index on audit_log (entity_id, entity_type, at desc)'],
  },
  {
    name: 'what somebody did in a fortnight',
    text: 'select action, count(*) from audit_log where actor_id = $1 and at between $2 and $3 group by action',
    values: (random) => {
      const days = 20 + upTo(random, 300)
      return [skewed(random, 5_000), daysAgo(days), daysAgo(days - 14)]
    },
    expert: ['create index on audit_log (actor_id, at)'],
  },
  {
    name: 'when somebody was seen last',
    text: 'select max(at) from audit_log where actor_id = $1',
    values: (random) => [skewed(random, 5_000)],
    expert: ['create index on audit_log (actor_id, at)'],
  },
  {
    name: 'an account by a number of another type',
    text: 'select count(*) from trades where user_id = $1::numeric',
    values: (random) => [1 + upTo(random, 10_000)],
    expert: null,
    runs: 8,
  },
  {
    name: 'an OR over two tables',
    text: 'select o.id from orders o join customers c on c.id = o.customer_id where c.phone = $1 or o.ref = $2',
    values: () => ['+491000007', 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'],
    expert: null,
  },
]
