import pg from 'pg'
import { createRandom } from 'holdfast/prove'
import { analyseShape, readShape, type AnalyseLimits, type ResultLike, type TableInfo } from 'holdfast/watch'
import { bootstrapMedian, judgeCount, round, summarize } from '../../harness/statistics.js'
import type { Check, Row } from '../../harness/types.js'

/** Orders of different lists: each its own number of orders, items and tags. */
const ALIKE = 30
const DIFFERENT = 60
const MOST_ORDERS = 280
const MOST_ITEMS = 20
const MOST_TAGS = 8

/** 500 rows and nothing else. */
const onlyFew: AnalyseLimits = { mostRows: 500, mostKeys: 0, mostSearched: 0 }

const text = `
  select o.id as order_id, o.note, i.id as item_id, i.name, t.id as tag_id, t.label
    from shape_orders o join shape_items i on i.order_id = o.id join shape_tags t on t.order_id = o.id`
const exactly = `
  select count(*)::float8 / greatest(count(distinct o.id), count(distinct i.id), count(distinct t.id)) as factor
    from shape_orders o join shape_items i on i.order_id = o.id join shape_tags t on t.order_id = o.id`

/**
 * How far the factor that is told of orders × items × tags is from rows over the distinct rows of whichever table has most of
 * them, as PostgreSQL counts it. Where all orders of a list have as many items and tags as each other, from 500 rows. Where
 * each order has its own numbers 500 rows are a sample of too few orders, and keys of more rows are looked at; what the 500
 * alone would have told is in the rows.
 */
export async function measureExplosion(url: string): Promise<{ rows: Row[]; checks: Check[] }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const random = createRandom(11)
    const draw = (most: number) => 1 + Math.floor(random() * most)
    const alike: number[] = []
    for (let n = 0; n < ALIKE; n++) {
      // Two at least of each: else nothing is multiplied, and nothing is told.
      const [items, tags] = [1 + draw(MOST_ITEMS - 1), 1 + draw(MOST_TAGS - 1)]
      await fill(client, 20 + draw(MOST_ORDERS), () => [items, tags])
      alike.push(await measure(client, n, onlyFew))
    }
    const [fewOnly, withKeys]: [number[], number[]] = [[], []]
    for (let n = 0; n < DIFFERENT; n++) {
      await fill(client, 20 + draw(MOST_ORDERS), () => [draw(MOST_ITEMS), draw(MOST_TAGS)])
      fewOnly.push(await measure(client, n, onlyFew))
      withKeys.push(await measure(client, n, {}))
    }
    return {
      rows: [
        summarize('orders alike, 500 rows', 'explosion_factor_error', 'ratio', alike),
        summarize('orders differ, 500 rows alone', 'explosion_factor_error', 'ratio', fewOnly),
        summarize('orders differ, 500 rows and keys of up to 20 000', 'explosion_factor_error', 'ratio', withKeys),
      ],
      checks: [judgeWorst([...alike, ...withKeys])],
    }
  } finally {
    await client.end()
  }
}

/** The worst of all, not the median: one list that is told wrong is wrong. */
function judgeWorst(errors: readonly number[]): Check {
  const worst = round(Math.max(...errors))
  return { ...judgeCount('explosion_factor_error', worst, { atMost: 0.02 }), ci95: [bootstrapMedian(errors)[0], worst] }
}

async function fill(client: pg.Client, orders: number, numbers: () => [number, number]): Promise<void> {
  const each = Array.from({ length: orders }, numbers)
  await client.query(`
    create temp table if not exists shape_orders (id int primary key, note text);
    create temp table if not exists shape_items (id int primary key, order_id int not null, name text);
    create temp table if not exists shape_tags (id int primary key, order_id int not null, label text);
    truncate shape_orders, shape_items, shape_tags`)
  const counts = `select * from unnest($1::int[]) with ordinality as c (amount, order_id)`
  await client.query(`insert into shape_orders select n, 'note ' || n from generate_series(1, $1::int) n`, [orders])
  await client.query(
    `insert into shape_items select row_number() over (), order_id, 'item' from (${counts}) c, generate_series(1, amount)`,
    [each.map(([items]) => items)],
  )
  await client.query(
    `insert into shape_tags select row_number() over (), order_id, 'tag' from (${counts}) c, generate_series(1, amount)`,
    [each.map(([, tags]) => tags)],
  )
  await client.query('analyze shape_orders, shape_items, shape_tags')
}

/** In the order that people ask for, or in the one that the plan happens to give. */
async function measure(client: pg.Client, place: number, limits: AnalyseLimits): Promise<number> {
  const order = place % 3 === 2 ? '' : place % 3 === 1 ? 'order by o.id desc' : 'order by o.id, i.id, t.id'
  const result: ResultLike = await client.query(`${text} ${order}`)
  const { rows } = await client.query<{ factor: number }>(exactly)
  const tables = new Map(
    result.fields.map(({ tableID }): [number, TableInfo] => [tableID, { name: undefined, keys: [[1]] }]),
  )
  const told = analyseShape(result, readShape(result), tables, limits)?.factor ?? 1
  return Math.abs(told / (rows[0]?.factor ?? 1) - 1)
}
