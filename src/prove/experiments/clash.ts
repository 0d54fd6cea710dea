import pg, { type Pool, type PoolClient } from 'pg'
import type { Db, Tx } from '../../core/index.js'
import { observeClashes, type Driver } from '../../watch/index.js'
import { runRush } from '../rush.js'
import { inTransaction, serialize } from '../transactions.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

/** Of each of the three requests. */
const REQUESTS = 300
const PER_SECOND = 1_500
/** One piece for so many buyers. */
const BUYERS_A_PIECE = 5
/** So many try each code, and each customer wants so many seats. */
const TRIES_A_CODE = 5
const SEATS_A_CUSTOMER = 8
const LIMIT = 4
const PRODUCT = 1
/** What is asked for before the rush. */
const OTHER_PRODUCT = 2
/** For two customers who ask twice each. */
const OTHER_PIECES = 3

const routes = ['POST /buy', 'POST /redeem', 'POST /seats'] as const
type Route = (typeof routes)[number]

interface Input {
  product: number
  code: string
  customer: number
  seat: number
}

/** Each request gives whether it was accepted. */
type Shop = Record<Route, (input: Input) => Promise<boolean>>

type Sql = Pick<PoolClient, 'query'>

/** The stock is read, the rest is worked out in the program, and written back. */
async function buy(sql: Sql, { product, customer }: Input): Promise<boolean> {
  const { rows } = await sql.query<{ stock: number }>('select stock from product where id = $1', [product])
  const stock = rows[0]?.stock ?? 0
  if (stock < 1) return false
  await sql.query('update product set stock = $2 where id = $1', [product, stock - 1])
  await sql.query('insert into purchase (product, customer) values ($1, $2)', [product, customer])
  return true
}

/** Whether it was used is looked up, and that it is used is written elsewhere. */
async function redeem(sql: Sql, { code, customer }: Input): Promise<boolean> {
  const { rows } = await sql.query('select customer from redemption where code = $1', [code])
  if (rows.length > 0) return false
  await sql.query('insert into redemption (code, customer) values ($1, $2)', [code, customer])
  return true
}

/** A seat itself is taken once on every side; the limit hangs on rows that nobody else writes. */
async function takeSeat(sql: Sql, { customer, seat }: Input): Promise<boolean> {
  const text = 'select count(*)::int as taken from seat where customer = $1'
  const { rows } = await sql.query<{ taken: number }>(text, [customer])
  if ((rows[0]?.taken ?? 0) >= LIMIT) return false
  const text2 = 'update seat set customer = $2 where id = $1 and customer is null'
  const { rowCount } = await sql.query(text2, [seat, customer])
  return rowCount === 1
}

type Run = (body: (client: PoolClient) => Promise<boolean>) => Promise<boolean>

const openAsWritten = (run: Run): Shop => ({
  'POST /buy': async (input) => await run(async (client) => await buy(client, input)),
  'POST /redeem': async (input) => await run(async (client) => await redeem(client, input)),
  'POST /seats': async (input) => await run(async (client) => await takeSeat(client, input)),
})

const inRepeatableRead =
  (pool: Pool, onRetry: () => void): Run =>
  async (body) =>
    await serialize(pool, body, onRetry, 'repeatable read')

/** One statement decides and writes. */
async function buyConditionally(tx: Tx, { product, customer }: Input): Promise<boolean> {
  const sold = await tx.sql`update product set stock = stock - 1 where id = ${product} and stock >= 1 returning stock`
  if (sold.length === 0) return false
  await tx.sql`insert into purchase (product, customer) values (${product}, ${customer})`
  return true
}

/** The look is for the answer; who was first is told by the unique index. */
async function redeemOnce(tx: Tx, { code, customer }: Input): Promise<boolean> {
  const used = await tx.sql`select customer from redemption where code = ${code}`
  if (used.length > 0) return false
  const redeemed = await tx.sql`
    insert into redemption (code, customer) values (${code}, ${customer}) on conflict (code) do nothing returning code`
  return redeemed.length === 1
}

/** Nobody counts a customer's seats while another request of theirs is between counting and taking. */
async function takeSeatInTurn(tx: Tx, { customer, seat }: Input): Promise<boolean> {
  await tx.sql`select id from customer where id = ${customer} for update`
  const [row] = await tx.sql<{ taken: number }>`select count(*)::int as taken from seat where customer = ${customer}`
  if ((row?.taken ?? 0) >= LIMIT) return false
  const taken =
    await tx.sql`update seat set customer = ${customer} where id = ${seat} and customer is null returning id`
  return taken.length === 1
}

const openProtected = (db: Db): Shop => ({
  'POST /buy': async (input) => await db.tx(async (tx) => await buyConditionally(tx, input)),
  'POST /redeem': async (input) => await db.tx(async (tx) => await redeemOnce(tx, input)),
  'POST /seats': async (input) => await db.tx(async (tx) => await takeSeatInTurn(tx, input)),
})

/** A quiet morning: a few of each request, of which the last is refused, by customers who are not in the rush. */
function* listMorning(requests: number): Generator<[Route, Input]> {
  for (const customer of [-1, -2]) {
    const input = { product: OTHER_PRODUCT, code: `MORNING${customer}`, customer, seat: 0 }
    for (let n = 0; n < 2; n++) yield ['POST /buy', input]
    for (let n = 0; n < 2; n++) yield ['POST /redeem', input]
    for (let n = 0; n <= LIMIT; n++) yield ['POST /seats', { ...input, seat: requests - customer * 10 + n }]
  }
}

/** One request after the other: nothing can go wrong, and what will is named. */
async function spendMorning(stage: Stage, shop: Shop, requests: number): Promise<Figures> {
  const watching = await observeClashes(stage.db, pg as unknown as Driver)
  try {
    for (const [route, input] of listMorning(requests))
      await watching.run(route, input, async () => ({ status: (await shop[route](input)) ? 200 : 409 }))
    const named = new Set(watching.clashes().flatMap(({ read, other }) => [read.route, other.route]))
    const pairs = watching.pairs()
    await stage.db.sql`insert into named select unnest(${[...named]}::text[])`
    const gone = await readHarm(stage)
    return { gone_wrong_before: sum(gone), named: named.size, kept_apart: pairs.length - watching.clashes().length }
  } finally {
    await watching.stop()
  }
}

/** They come in turns, and those who want the same come one after the other. */
const pickRequest = (index: number): [Route, Input] => {
  const route = routes[index % routes.length] as Route
  const n = Math.floor(index / routes.length)
  const customer = 1 + Math.floor(n / SEATS_A_CUSTOMER)
  return [route, { product: PRODUCT, code: `CODE${Math.floor(n / TRIES_A_CODE)}`, customer, seat: 1 + n }]
}

interface Load {
  requests: number
  perSecond: number
}

async function openShop(stage: Stage, { requests, perSecond }: Load, shop: Shop): Promise<Figures> {
  const morning = await spendMorning(stage, shop, requests)
  let refused = 0
  const rush = { ...stage, arrivals: routes.length * requests, perSecond }
  const { arrivals = 0, ...figures } = await runRush(rush, async (index) => {
    const [route, input] = pickRequest(index)
    if (!(await shop[route](input))) refused++
  })
  const harm = await readHarm(stage)
  return {
    ...morning,
    requests: arrivals,
    refused,
    oversold: harm['POST /buy'],
    codes_again: harm['POST /redeem'],
    over_limit: harm['POST /seats'],
    ...figures,
  }
}

async function readHarm({ db }: Stage): Promise<Record<Route, number>> {
  const rows = await db.sql<{ route: Route; times: number }>`select route, times from harm`
  return Object.fromEntries(rows.map(({ route, times }) => [route, times])) as Record<Route, number>
}

const sum = (harm: Record<Route, number>): number => Object.values(harm).reduce((all, times) => all + times, 0)

async function openRepeatableRead(stage: Stage, load: Load): Promise<Figures> {
  let retries = 0
  const shop = openAsWritten(inRepeatableRead(stage.pool, () => retries++))
  return { ...(await openShop(stage, load, shop)), retries }
}

const describeSides = (load: Load): Side[] => [
  {
    name: 'naive',
    what: 'read, decide in the program, write; each request in a transaction',
    run: async (stage) =>
      await openShop(
        stage,
        load,
        openAsWritten(async (body) => await inTransaction(stage.pool, body)),
      ),
  },
  {
    name: 'repeatable read',
    what: 'the same in repeatable read transactions, each up to twenty times',
    run: async (stage) => await openRepeatableRead(stage, load),
  },
  {
    name: 'protected',
    what: 'a conditional update, a unique index, and the row of the customer locked before counting, in db.tx',
    run: async (stage) => {
      await stage.db.sql`create unique index redemption_code on redemption (code)`
      return await openShop(stage, load, openProtected(stage.db))
    },
  },
]

/** Which request did what no order of requests would have done, and how often. */
const harm = `
  create view harm as
    select 'POST /buy' as route, coalesce(sum(abs(stock + sold - delivered)), 0)::int as times
      from product, lateral (select count(*) as sold from purchase where product = product.id) sales
    union all
    select 'POST /redeem', coalesce(sum(times - 1), 0)::int from (select count(*) as times from redemption group by code) uses
    union all
    select 'POST /seats', coalesce(sum(greatest(taken - ${LIMIT}, 0)), 0)::int
      from (select count(*) as taken from seat where customer is not null group by customer) seats;`

const harmOf = (route: Route): string => `select times from harm where route = '${route}' and times > 0`

function conclude(figures: ReadonlyMap<string, Figures>): string {
  const read = (side: string, figure: string) => figures.get(side)?.[figure] ?? 0
  const named = (side: string) => read(side, 'named')
  const harmed = (side: string) =>
    `${read(side, 'oversold')}, ${read(side, 'codes_again')} and ${read(side, 'over_limit')}`
  return (
    `Before the rush, with nothing gone wrong, the finder named ${named('naive')} of 3 requests of naive, ` +
    `${named('repeatable read')} of repeatable read and ${named('protected')} of protected. Then there were sales that the ` +
    `stock does not know of, codes used again and seats over the limit: naive ${harmed('naive')}; repeatable read, with ` +
    `${read('repeatable read', 'retries')} retries, ${harmed('repeatable read')}; protected ${harmed('protected')}.`
  )
}

/** With fewer requests, who come quicker, for tests. */
export const createClash = (requests = REQUESTS, perSecond = PER_SECOND): Experiment => {
  const pieces = Math.floor(requests / BUYERS_A_PIECE)
  return {
    name: 'clash',
    story:
      'Three requests, each right by itself and in every test: buying, redeeming a code, taking a seat under a limit. Then two of them come at once.',
    setup: `
      create table product (id int primary key, stock int not null, delivered int not null);
      create table purchase (id bigint generated always as identity primary key, product int not null, customer int not null);
      create table redemption (id bigint generated always as identity primary key, code text not null, customer int not null);
      create table customer (id int primary key);
      create table seat (id int primary key, customer int);
      create table named (route text primary key);
      create index on purchase (product);
      create index on redemption (code);
      create index on seat (customer);
      insert into product values (${PRODUCT}, ${pieces}, ${pieces}), (${OTHER_PRODUCT}, ${OTHER_PIECES}, ${OTHER_PIECES});
      insert into customer select generate_series(-2, ${requests});
      insert into seat select generate_series(1, ${requests + 40});
      ${harm}`,
    invariants: [
      { name: 'nothing is sold twice: what was sold and what is left add up', sql: harmOf('POST /buy') },
      { name: 'each code is used once', sql: harmOf('POST /redeem') },
      { name: `nobody has more than ${LIMIT} seats`, sql: harmOf('POST /seats') },
      {
        name: 'what was named before the rush went wrong, and nothing else',
        sql: `select route, times from harm where (times > 0) <> exists (select from named where named.route = harm.route)`,
      },
    ],
    sides: describeSides({ requests, perSecond }),
    conclude,
  }
}

export const clash = createClash()
