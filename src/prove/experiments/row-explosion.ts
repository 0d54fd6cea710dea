import type { Pool, PoolClient } from 'pg'
import { connectTo } from '../../core/index.js'
import { watchShapes } from '../../watch/index.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const ORDERS = 200
const ITEMS = 20
const TAGS = 5
/** A page that is asked for again and again: its time is the median. */
const VISITS = 7

/** What the page shows. */
interface Order {
  id: number
  customer: string
  items: { id: number; name: string; price: string }[]
  tags: { id: number; label: string }[]
}

interface Loaded {
  orders: Order[]
  rows: number
}

interface JoinedRow {
  order_id: number
  customer: string
  item_id: number
  name: string
  price: string
  tag_id: number
  label: string
}

const join = `
  select o.id as order_id, o.note, c.id as customer_id, c.name as customer, c.address,
         i.id as item_id, i.name, i.price, t.id as tag_id, t.label
    from orders o join customers c on c.id = o.customer_id
    join items i on i.order_id = o.id join tags t on t.order_id = o.id
   order by o.id`

/** As ORMs load relations by default, and as people write it: everything that the page needs in one statement. */
async function loadByJoin(client: PoolClient): Promise<Loaded> {
  const { rows } = await client.query<JoinedRow>(join)
  const orders = new Map<
    number,
    { customer: string; items: Map<number, Order['items'][0]>; tags: Map<number, Order['tags'][0]> }
  >()
  for (const { order_id, customer, item_id, name, price, tag_id, label } of rows) {
    const order = orders.get(order_id) ?? { customer, items: new Map(), tags: new Map() }
    orders.set(order_id, order)
    order.items.set(item_id, { id: item_id, name, price })
    order.tags.set(tag_id, { id: tag_id, label })
  }
  const list = [...orders].map(([id, { customer, items, tags }]) => ({
    id,
    customer,
    items: [...items.values()],
    tags: [...tags.values()],
  }))
  return { orders: list, rows: rows.length }
}

/** One child is joined, the other one is loaded by itself. */
async function loadHalfSplit(client: PoolClient): Promise<Loaded> {
  const { rows } = await client.query<Omit<JoinedRow, 'tag_id' | 'label'>>(`
    select o.id as order_id, o.note, c.id as customer_id, c.name as customer, c.address, i.id as item_id, i.name, i.price
      from orders o join customers c on c.id = o.customer_id join items i on i.order_id = o.id order by o.id`)
  const orders = new Map<number, Order>()
  for (const { order_id: id, customer, item_id, name, price } of rows) {
    const order = orders.get(id) ?? { id, customer, items: [], tags: [] }
    orders.set(id, order)
    order.items.push({ id: item_id, name, price })
  }
  return { orders: [...orders.values()], rows: rows.length + (await addTags(client, orders)) }
}

/** A statement for each table, of the columns that the page shows. */
async function loadSplit(client: PoolClient): Promise<Loaded> {
  const { rows } = await client.query<{ id: number; customer: string }>(
    'select o.id, c.name as customer from orders o join customers c on c.id = o.customer_id order by o.id',
  )
  const orders = new Map(rows.map(({ id, customer }): [number, Order] => [id, { id, customer, items: [], tags: [] }]))
  const items = await client.query<{ id: number; order_id: number; name: string; price: string }>(
    'select id, order_id, name, price from items where order_id = any($1)',
    [[...orders.keys()]],
  )
  for (const { id, order_id, name, price } of items.rows) orders.get(order_id)?.items.push({ id, name, price })
  return { orders: [...orders.values()], rows: rows.length + items.rows.length + (await addTags(client, orders)) }
}

async function addTags(client: PoolClient, orders: ReadonlyMap<number, Order>): Promise<number> {
  const { rows } = await client.query<{ id: number; order_id: number; label: string }>(
    'select id, order_id, label from tags where order_id = any($1)',
    [[...orders.keys()]],
  )
  for (const { id, order_id, label } of rows) orders.get(order_id)?.tags.push({ id, label })
  return rows.length
}

/** One statement, in which each table is aggregated by itself. The price is text: in JSON a numeric would be a float. */
async function loadByLateral(client: PoolClient): Promise<Loaded> {
  const { rows } = await client.query<Order>(`
    select o.id, c.name as customer, i.items, t.tags
      from orders o join customers c on c.id = o.customer_id
      left join lateral (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'price', price::text)), '[]') as items
                           from items where order_id = o.id) i on true
      left join lateral (select coalesce(json_agg(json_build_object('id', id, 'label', label)), '[]') as tags
                           from tags where order_id = o.id) t on true
     order by o.id`)
  return { orders: rows, rows: rows.length }
}

interface BytesRead {
  connection?: { stream?: { bytesRead?: number } }
}

async function visit(
  pool: Pool,
  load: (client: PoolClient) => Promise<Loaded>,
): Promise<Loaded & { kb: number; ms: number }> {
  const client = await pool.connect()
  try {
    const read = () => (client as unknown as BytesRead).connection?.stream?.bytesRead ?? 0
    const before = read()
    const startedAt = performance.now()
    const loaded = await load(client)
    return { ...loaded, kb: (read() - before) / 1_024, ms: performance.now() - startedAt }
  } finally {
    client.release()
  }
}

async function showPage(stage: Stage, pool: Pool, load: (client: PoolClient) => Promise<Loaded>): Promise<Figures> {
  const visits: Awaited<ReturnType<typeof visit>>[] = []
  for (let n = 0; n < VISITS; n++) visits.push(await visit(pool, load))
  const { orders, rows, kb } = visits.at(-1) as (typeof visits)[0]
  const median = visits.map(({ ms }) => ms).sort((a, b) => a - b)[VISITS >> 1] as number
  const [items, tags] = [orders.flatMap((order) => order.items), orders.flatMap((order) => order.tags)]
  const money = items.reduce((sum, { price }) => sum + Math.round(100 * Number(price)), 0)
  await stage.pool.query('insert into shown values ($1, $2, $3, $4, $5)', [
    orders.length,
    items.length,
    tags.length,
    money,
    kb,
  ])
  return { rows, wire_kb: Math.round(kb), ms: Math.round(10 * median) / 10 }
}

/** The join runs once more while it is watched; what is found says which tables, by how much, and what to do instead. */
async function showNamed(stage: Stage): Promise<Figures> {
  const db = await connectTo({ url: stage.url, pool: { max: 2 } })
  const shapes = await watchShapes(db)
  try {
    // The first look asks for the tables' keys, the second one has them.
    for (let n = 0; n < 2; n++) {
      await db.query(join)
      await shapes.settle()
    }
    const found = shapes.findings().find(({ kind, severity }) => kind === 'row-multiplication' && severity === 'act')
    const { factor = 0, wasted_share: share = 0 } = (found?.evidence ?? {}) as {
      factor?: number
      wasted_share?: number
    }
    const figures = await showPage(stage, db.pool, loadByLateral)
    return { ...figures, named_factor: factor, named_repeats_percent: Math.round(100 * share) }
  } finally {
    await shapes.stop()
    await db.close()
  }
}

const ways: { name: string; what: string; load: (client: PoolClient) => Promise<Loaded> }[] = [
  { name: 'naive', what: 'orders, customers, items and tags in one join', load: loadByJoin },
  { name: 'half split', what: 'items joined, tags by a statement of their own', load: loadHalfSplit },
  { name: 'split loads', what: 'a statement for each table, put together by key', load: loadSplit },
]

const sides: Side[] = [
  ...ways.map(({ name, what, load }) => ({
    name,
    what,
    run: async (stage: Stage) => await showPage(stage, stage.pool, load),
  })),
  {
    name: 'protected',
    what: 'watch names the join and its factor; items and tags are aggregated each in a lateral subquery',
    run: showNamed,
  },
]

/** With fewer orders, for tests. */
export const createRowExplosion = (orders = ORDERS): Experiment => ({
  name: 'row-explosion',
  story:
    'The page shows 200 orders and takes for ever. The statement is quick in psql with a limit, and CPU and memory of the service go up with every tag that somebody adds.',
  setup: `
    create table customers (id int primary key, name text not null, address text not null);
    create table orders (id int primary key, customer_id int not null references customers, note text not null);
    create table items (id int primary key, order_id int not null references orders, name text not null, price numeric(10, 2) not null);
    create table tags (id int primary key, order_id int not null references orders, label text not null);
    create table shown (orders int not null, items int not null, tags int not null, money bigint not null, kb float8 not null);
    insert into customers select n, 'customer ' || n, repeat('street and town ', 6) from generate_series(1, ${orders / 2}) n;
    insert into orders select n, (n + 1) / 2, repeat('leave it at the door ', 5) from generate_series(1, ${orders}) n;
    insert into items select n, (n + ${ITEMS - 1}) / ${ITEMS}, 'item number ' || n, n % 100 + 0.99 from generate_series(1, ${orders * ITEMS}) n;
    insert into tags select n, (n + ${TAGS - 1}) / ${TAGS}, 'label number ' || n from generate_series(1, ${orders * TAGS}) n;
    create index on items (order_id);
    create index on tags (order_id);
    analyze;`,
  invariants: [
    {
      name: 'every order is shown with its items and tags, once each',
      sql: `select shown.orders, shown.items, shown.tags from shown, (select sum(100 * price)::bigint as money from items) all_items
             where (shown.orders, shown.items, shown.tags, shown.money)
                   is distinct from (${orders}, ${orders * ITEMS}, ${orders * TAGS}, all_items.money)`,
    },
    {
      name: 'no more than three times the bytes are moved that are in the tables',
      sql: `select round(kb) as moved_kb, round(there / 1024.0) as there_kb
              from shown, (select sum(bytes) as there from (
                select length(t::text) as bytes from customers t union all select length(t::text) from orders t
                union all select length(t::text) from items t union all select length(t::text) from tags t) each) tables
             where kb * 1024 > 3 * there`,
    },
  ],
  sides,
  conclude: (figures) => {
    const read = (side: string) => {
      const { rows = 0, wire_kb: kb = 0, ms = 0 } = figures.get(side) ?? {}
      return `${rows} rows, ${kb} kB, ${ms} ms`
    }
    const { named_factor: factor = 0, named_repeats_percent: repeats = 0 } = figures.get('protected') ?? {}
    return (
      `${orders} orders with ${ITEMS} items and ${TAGS} tags each: naive ${read('naive')}; half split ${read('half split')}; ` +
      `split loads ${read('split loads')}; protected ${read('protected')}. ` +
      `Watch told of the join that its rows are multiplied by ${factor}, and that ${repeats} % of its bytes are repeats.`
    )
  },
})

export const rowExplosion = createRowExplosion()
