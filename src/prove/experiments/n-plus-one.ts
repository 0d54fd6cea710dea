import pg, { type Pool } from 'pg'
import { connectTo } from '../../core/index.js'
import { watchShapes } from '../../watch/index.js'
import { startProxy, throughProxy, type Proxy } from '../proxy.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const ORDERS = 100
const ITEMS = 3
/** Service and database in one data centre. */
const RTT_MS = 1
const VISITS = 5
const CONNECTIONS = 10

interface Item {
  id: number
  order_id: number
}

type Page = Map<number, Item[]>
/** Whatever runs a statement: a pool, or a Db. */
interface Runs {
  query<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<{ rows: T[] }>
}

async function listOrders(runs: Runs): Promise<number[]> {
  const { rows } = await runs.query<{ id: number }>('select id from orders order by id')
  return rows.map(({ id }) => id)
}

async function listItems(runs: Runs, order: number): Promise<Item[]> {
  return (await runs.query<Item>('select id, order_id from items where order_id = $1', [order])).rows
}

/** As it comes out of a template, a resolver or a lazy relation: the items of each order when it is its turn. */
async function loadInLoop(runs: Runs): Promise<Page> {
  const page: Page = new Map()
  for (const order of await listOrders(runs)) page.set(order, await listItems(runs, order))
  return page
}

/** The loop at once: as many connections as there are. */
async function loadAtOnce(runs: Runs): Promise<Page> {
  const orders = await listOrders(runs)
  return new Map(
    await Promise.all(orders.map(async (order): Promise<[number, Item[]]> => [order, await listItems(runs, order)])),
  )
}

async function loadByJoin(runs: Runs): Promise<Page> {
  const { rows } = await runs.query<{ order: number; id: number | null }>(
    'select o.id as order, i.id from orders o left join items i on i.order_id = o.id order by o.id',
  )
  const page: Page = new Map()
  for (const { order, id } of rows) {
    const items = page.get(order) ?? []
    page.set(order, items)
    if (id !== null) items.push({ id, order_id: order })
  }
  return page
}

/** What the finding advises. */
async function loadByKeys(runs: Runs): Promise<Page> {
  const page: Page = new Map((await listOrders(runs)).map((order) => [order, []]))
  const { rows } = await runs.query<Item>('select id, order_id from items where order_id = any($1)', [[...page.keys()]])
  for (const item of rows) page.get(item.order_id)?.push(item)
  return page
}

async function withNetwork<T>(stage: Stage, work: (url: string, proxy: Proxy) => Promise<T>): Promise<T> {
  const { hostname, port } = new URL(stage.url)
  const proxy = await startProxy({ host: hostname, port: Number(port || 5432), rttMs: RTT_MS })
  try {
    return await work(throughProxy(stage.url, proxy), proxy)
  } finally {
    await proxy.close()
  }
}

async function showPages(
  stage: Stage,
  runs: Runs,
  proxy: Proxy,
  load: (runs: Runs) => Promise<Page>,
): Promise<Figures> {
  const times: number[] = []
  const before = proxy.bursts()
  let page: Page = new Map()
  for (let n = 0; n < VISITS; n++) {
    const startedAt = performance.now()
    page = await load(runs)
    times.push(performance.now() - startedAt)
  }
  const roundTrips = (proxy.bursts() - before) / VISITS
  const items = [...page.values()].reduce((sum, { length }) => sum + length, 0)
  await stage.db.sql`insert into shown values (${page.size}, ${items}, ${roundTrips})`
  const median = times.sort((a, b) => a - b)[VISITS >> 1] as number
  return { round_trips: roundTrips, ms: Math.round(10 * median) / 10 }
}

/** Connections are open beforehand: a login is not what is compared. */
async function openPool(url: string): Promise<Pool> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS })
  pool.on('error', () => {})
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => await pool.query('select pg_sleep(0.05)')))
  return pool
}

async function runBare(stage: Stage, load: (runs: Runs) => Promise<Page>): Promise<Figures> {
  return await withNetwork(stage, async (url, proxy) => {
    const pool = await openPool(url)
    try {
      return await showPages(stage, pool, proxy, load)
    } finally {
      await pool.end()
    }
  })
}

/** A request with the loop is watched, and what is found of it is counted. */
async function runNamed(stage: Stage): Promise<Figures> {
  return await withNetwork(stage, async (url, proxy) => {
    const db = await connectTo({ url, pool: { max: CONNECTIONS } })
    const shapes = await watchShapes(db)
    try {
      await db.runRequest({ route: 'GET /orders' }, async () => void (await loadInLoop(db)))
      const found = shapes.findings().find(({ kind }) => kind === 'repeated-statement')
      const { calls = 0, is_sequential: isSequential } = (found?.evidence ?? {}) as {
        calls?: number
        is_sequential?: boolean
      }
      const figures = await showPages(stage, db, proxy, loadByKeys)
      return { ...figures, named_calls: calls, named_sequential: isSequential === true ? 1 : 0 }
    } finally {
      await shapes.stop()
      await db.close()
    }
  })
}

const ways: { name: string; what: string; load: (runs: Runs) => Promise<Page> }[] = [
  { name: 'naive', what: 'the items of each order when it is its turn, in a loop', load: loadInLoop },
  { name: 'Promise.all', what: `the same statements at once, on ${CONNECTIONS} connections`, load: loadAtOnce },
  { name: 'join', what: 'orders and items in one statement', load: loadByJoin },
]

const sides: Side[] = [
  ...ways.map(({ name, what, load }) => ({ name, what, run: async (stage: Stage) => await runBare(stage, load) })),
  {
    name: 'protected',
    what: 'watch names the loop and the key; the items of all orders come by where order_id = any($1)',
    run: runNamed,
  },
]

/** With fewer orders, for tests. */
export const createNPlusOne = (orders = ORDERS): Experiment => ({
  name: 'n-plus-one',
  story:
    'Every statement takes a millisecond, and the page takes a fifth of a second. On the laptop, with the database beside it, nobody ever saw that.',
  setup: `
    create table orders (id int primary key);
    create table items (id int primary key, order_id int not null references orders);
    create table shown (orders int not null, items int not null, round_trips float8 not null);
    insert into orders select generate_series(1, ${orders});
    insert into items select n, (n + ${ITEMS - 1}) / ${ITEMS} from generate_series(1, ${orders * ITEMS}) n;
    create index on items (order_id);
    analyze;`,
  invariants: [
    {
      name: 'every order is shown with its items',
      sql: `select orders, items from shown where (orders, items) is distinct from (${orders}, ${orders * ITEMS})`,
    },
    { name: 'a page takes at most three round trips', sql: 'select round_trips from shown where round_trips > 3' },
  ],
  sides,
  conclude: (figures) => {
    const read = (side: string) => {
      const { round_trips: trips = 0, ms = 0 } = figures.get(side) ?? {}
      return `${trips} round trips and ${ms} ms`
    }
    return (
      `A page of ${orders} orders, ${RTT_MS} ms of network: naive ${read('naive')}, Promise.all ${read('Promise.all')}, ` +
      `join ${read('join')}, protected ${read('protected')}. Watch told of a statement that the request ran ${figures.get('protected')?.['named_calls'] ?? 0} times.`
    )
  },
})

export const nPlusOne = createNPlusOne()
