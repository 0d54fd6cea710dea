import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  loadStatementParser,
  quoteName,
  replaceTables,
  type Node,
  type StatementParser,
} from '../../../src/watch/advice/ast.js'
import { deriveCandidates, showKeys } from '../../../src/watch/advice/candidates.js'
import { readStatement } from '../../../src/watch/advice/read-statement.js'
import type { CatalogIndex, CatalogTable } from '../../../src/watch/advice/types.js'

let parser: StatementParser
beforeAll(async () => {
  parser = await loadStatementParser()
})

const ROWS = 1_000_000
const distinctOf: Readonly<Record<string, number>> = {
  status: 5,
  kind: 8,
  active: 2,
  archived: 2,
  tenant_id: 500,
  user_id: 40_000,
}

let oid = 1
function table(
  name: string,
  columns: Record<string, string>,
  indexes: CatalogIndex[] = [],
  more: Partial<CatalogTable> = {},
): CatalogTable {
  return {
    oid: oid++,
    schema: 'public',
    name,
    kind: 'table',
    columns: Object.entries(columns).map(([column, type]) => ({
      name: column,
      type,
      isCollationC: false,
      distinct: distinctOf[column] ?? ROWS / 2,
      nullShare: 0,
      width: 8,
    })),
    indexes,
    rows: ROWS,
    pages: 20_000,
    definition: null,
    partitions: [],
    hasRowSecurity: false,
    writes: { inserts: 0, updates: 0, deletes: 0, seconds: null },
    ...more,
  }
}

function index(name: string, keys: string, more: Partial<CatalogIndex> = {}): CatalogIndex {
  const parsed = keys.split(', ').map((key) => {
    const isDescending = / desc\b/.test(key)
    const isNullsFirst = /nulls first/.test(key) || (isDescending && !/nulls last/.test(key))
    return { text: key.split(' ')[0] as string, isDescending, isNullsFirst }
  })
  const defaults = {
    method: 'btree',
    include: [],
    where: null,
    isUnique: false,
    isConstraint: false,
    isValid: true,
    definition: '',
  }
  return { name, keys: parsed, ...defaults, ...more }
}

const key = index('pkey', 'id', { isUnique: true, isConstraint: true })
const columns = {
  id: 'int4',
  user_id: 'int4',
  tenant_id: 'int4',
  status: 'text',
  kind: 'varchar',
  code: 'bpchar',
  email: 'text',
  active: 'bool',
  archived: 'bool',
  amount: 'numeric',
  ratio: 'float8',
  data: 'jsonb',
  tags: '_int4',
  created_at: 'timestamptz',
  made_at: 'timestamp',
  deleted_at: 'timestamptz',
}

function derive(text: string, changes: Record<string, CatalogTable> = {}) {
  const catalog = new Map(
    Object.entries({
      trades: table('trades', columns, [key]),
      orders: table('orders', columns, [key]),
      lines: table('lines', { id: 'int4', order_id: 'int4', product_id: 'int4', qty: 'int4' }, [key]),
      users: table('users', { id: 'int4', name: 'text', city: 'text', mail: 'text' }, [key]),
      ...changes,
    }),
  )
  const tree = parser.parse(text).stmts?.[0]?.stmt as Node
  const needs = readStatement(tree, catalog)
  const { candidates, refused } = deriveCandidates(needs.needs)
  const shown = candidates.map((each) => {
    const using = each.method === 'gin' ? 'gin ' : ''
    const where = each.where === null ? '' : ` where ${each.where}`
    const include = each.include.length === 0 ? '' : ` include ${each.include.join(', ')}`
    return `${each.table.name} ${using}(${showKeys(each)})${include}${where}`
  })
  return {
    shown,
    refused: [...refused, ...needs.refused].join(' | '),
    rewrites: [...needs.rewrites].flat().join(' → '),
    notes: [...needs.notes].join(),
    parameters: needs.parameters,
  }
}

describe('candidates', () => {
  test.each<[string, string[], string[]?]>([
    // Text, what is among them, what is not.
    [
      'select * from trades where user_id = $1 order by created_at desc limit 50',
      ['trades (user_id, created_at desc)', 'trades (user_id)'],
    ],
    ['select * from trades t where t.user_id = $1 and t.created_at > $2', ['trades (user_id, created_at)']],
    ['select * from trades where $1 = user_id and $2 < created_at', ['trades (user_id, created_at)']],
    ['select * from trades where created_at between $1 and $2', ['trades (created_at)']],
    ['select * from trades where tenant_id = $1 and user_id = $2', ['trades (user_id, tenant_id)']],
    ['select * from trades where user_id = $1 order by user_id, created_at limit 5', ['trades (user_id, created_at)']],
    [
      'select * from trades where user_id = $1 order by created_at desc nulls last limit 5',
      ['trades (user_id, created_at desc nulls last)'],
    ],
    [
      'select * from trades where user_id = $1 order by created_at desc nulls first limit 5',
      ['trades (user_id, created_at desc)'],
    ],
    [
      'select * from trades where user_id = $1 order by created_at nulls first limit 5',
      ['trades (user_id, created_at nulls first)'],
    ],
    [
      'select id, created_at as made from trades where user_id = $1 order by made desc limit 5',
      ['trades (user_id, created_at desc)'],
    ],
    ['select id, created_at from trades where user_id = $1 order by 2 limit 5', ['trades (user_id, created_at)']],
    ['select max(created_at) from trades where user_id = $1', ['trades (user_id, created_at desc)']],
    [
      'select distinct on (user_id) * from trades order by user_id, created_at desc',
      ['trades (user_id, created_at desc)'],
    ],
    // IN before an order: with it and without it.
    [
      'select * from trades where tenant_id = $1 and status in ($2, $3) order by created_at desc limit 9',
      [
        'trades (tenant_id, created_at desc)',
        'trades (tenant_id, status, created_at desc)',
        'trades (tenant_id, status)',
      ],
    ],
    ['select * from trades where user_id = any($1)', ['trades (user_id)']],
    // The driving table's key is no column of its index; the other side's is.
    [
      'select * from orders o join lines l on l.order_id = o.id where o.tenant_id = $1 and o.status = $2 order by o.created_at',
      ['orders (tenant_id, status, created_at)', 'lines (order_id)'],
      ['orders (tenant_id, status, id, created_at)', 'orders (id, tenant_id, status)'],
    ],
    [
      'select * from orders join lines on order_id = orders.id where qty = $1',
      ['lines (order_id)', 'lines (order_id, qty)', 'lines (qty)'],
    ],
    ['select * from orders o join trades t using (user_id) where o.id = $1', ['trades (user_id)']],
    ['select * from users u left join orders o on o.user_id = u.id and o.status = $1', ['orders (user_id, status)']],
    [
      'select * from users u, lateral (select * from orders o where o.user_id = u.id order by created_at desc limit 1) x',
      ['orders (user_id, created_at desc)'],
    ],
    [
      'select * from unnest($1::int[]) as c (id), lateral (select * from orders where user_id = c.id order by created_at desc limit 1) x',
      ['orders (user_id, created_at desc)'],
    ],
    ['select * from users u where exists (select 1 from orders o where o.user_id = u.id)', ['orders (user_id)']],
    ['select * from users u where not exists (select 1 from orders o where o.user_id = u.id)', ['orders (user_id)']],
    [
      'select * from users where id in (select user_id from orders where tenant_id = $1)',
      ['orders (tenant_id)', 'orders (user_id, tenant_id)'],
    ],
    [
      'select (select max(created_at) from orders o where o.user_id = u.id) from users u',
      ['orders (user_id, created_at desc)'],
    ],
    ['with o as (select * from orders) select * from o where user_id = $1', ['orders (user_id)']],
    ['with o as (select user_id as owner from orders) select * from o where owner = $1', ['orders (user_id)']],
    ['select * from (select * from orders) x where x.user_id = $1', ['orders (user_id)']],
    [
      'select * from orders where user_id = $1 union all select * from orders where email = $2',
      ['orders (user_id)', 'orders (email)'],
    ],
    ['update orders set status = $1 where user_id = $2', ['orders (user_id)']],
    [
      'delete from lines using orders o where order_id = o.id and o.user_id = $1',
      ['orders (user_id)', 'lines (order_id)'],
    ],
    ['insert into lines (order_id) select id from orders where user_id = $1', ['orders (user_id)']],
    // What is always the same: a column of the index, or its condition.
    [
      `select * from orders where status = 'open' order by created_at limit 9`,
      [`orders (status, created_at)`, `orders (created_at) where status = 'open'`],
    ],
    [
      `select * from orders where status in ('a', 'b') order by created_at limit 9`,
      [`orders (created_at) where status in ('a', 'b')`],
    ],
    [`select * from orders where status <> 'done' and user_id = $1`, [`orders (user_id) where status <> 'done'`]],
    [
      `select * from orders where email = 'somebody' and user_id = $1`,
      ['orders (email, user_id)'],
      [`orders (user_id) where email = 'somebody'`],
    ],
    [
      'select * from orders where user_id = $1 and deleted_at is null',
      ['orders (user_id)', 'orders (user_id) where deleted_at is null'],
    ],
    ['select count(*) from orders where deleted_at is null', ['orders (deleted_at) where deleted_at is null']],
    [
      'select * from orders where deleted_at is not null and user_id = $1',
      ['orders (user_id) where deleted_at is not null'],
    ],
    [
      'select * from orders where not archived and active order by created_at limit 5',
      ['orders (created_at) where not archived and active'],
      ['orders (active)'],
    ],
    ['select * from orders where active is true and user_id = $1', ['orders (user_id) where active is true']],
    // Expressions.
    ['select * from orders where lower(email) = $1', ['orders (lower(email))']],
    [
      'select * from orders o where lower(o.email) = lower($1) and tenant_id = $2',
      ['orders (lower(email), tenant_id)'],
    ],
    [`select * from orders where data->>'ref' = $1`, [`orders ((data ->> 'ref'))`]],
    [`select * from orders where (data->>'n')::int = $1`, [`orders (((data ->> 'n')::int4))`]],
    [`select * from orders where extract(year from made_at) = $1`, [`orders (extract('year' from made_at))`]],
    [`select * from orders where replace(email, 'secret', '') = $1`, [], [`orders (replace(email, 'secret', ''))`]],
    // Patterns, documents, arrays.
    [`select * from orders where email like 'ab%'`, ['orders (email text_pattern_ops)']],
    ['select * from orders where tenant_id = $1 and email like $2', ['orders (tenant_id, email text_pattern_ops)']],
    ['select * from orders where data @> $1', ['orders gin (data jsonb_path_ops)']],
    [`select * from orders where data ? 'x'`, ['orders gin (data)']],
    ['select * from orders where tags && $1', ['orders gin (tags)']],
    ['select * from orders where $1 <@ tags', ['orders gin (tags)']],
    [
      `select * from orders where to_tsvector('english', email) @@ plainto_tsquery($1)`,
      [`orders gin (to_tsvector('english', email))`],
    ],
    // Pages by key, OR, and a condition that a parameter switches off.
    [
      'select * from trades where user_id = $1 and (created_at, id) < ($2, $3) order by created_at desc, id desc limit 9',
      ['trades (user_id, created_at desc, id desc)'],
    ],
    ['select * from orders where user_id = $1 or email = $2', ['orders (user_id)', 'orders (email)']],
    [
      'select * from orders where ($1::int is null or user_id = $1) and tenant_id = $2',
      ['orders (user_id, tenant_id)'],
    ],
    ['select user_id, count(*) from orders where tenant_id = $1 group by user_id', ['orders (tenant_id, user_id)']],
    ['select id, user_id, tenant_id from orders where user_id = $1', ['orders (user_id) include id, tenant_id']],
    ['select o.id from orders o where user_id = $1::bigint and kind = $2::text', ['orders (user_id, kind)']],
  ])('%s', (text, expected, unexpected = []) => {
    const { shown } = derive(text)
    expect(shown).toEqual(expect.arrayContaining(expected))
    for (const each of unexpected) expect(shown).not.toContain(each)
  })

  test('are few', () => {
    const wide = Array.from({ length: 30 }, (_, n) => `c${n}`)
    const many = table('many', Object.fromEntries(wide.map((name) => [name, 'int4'])))
    const text = `select * from many where ${wide
      .slice(0, 10)
      .map((name, n) => `${name} > $${n + 1}`)
      .join(' and ')} and ${wide
      .slice(10)
      .map((name) => `${name} in (1, 2)`)
      .join(' and ')} order by c3`
    expect(derive(text, { many }).shown.length).toBeLessThanOrEqual(10)
  })
})

describe('existing indexes', () => {
  const withIndex = (...indexes: CatalogIndex[]) => ({ trades: table('trades', columns, [key, ...indexes]) })
  const story = 'select * from trades where user_id = $1 order by created_at desc limit 50'

  test.each([
    ['as it is', index('i', 'user_id, created_at desc')],
    ['read backward', index('i', 'user_id, created_at')],
    ['longer', index('i', 'user_id, created_at desc, id')],
  ])('serve: %s', (_, existing) => {
    const { shown, refused } = derive(story, withIndex(existing))
    expect(shown).toEqual([])
    expect(refused).toContain('exists already')
  })

  test.each([
    ['a prefix only', index('i', 'user_id')],
    ['another order of nulls', index('i', 'user_id, created_at desc nulls last')],
    ['of a part of the rows', index('i', 'user_id, created_at desc', { where: 'amount > 5' })],
    ['another method', index('i', 'user_id, created_at desc', { method: 'hash' })],
    ['another leading column', index('i', 'created_at desc, user_id')],
  ])('do not serve: %s', (_, existing) => {
    expect(derive(story, withIndex(existing)).shown).toContain('trades (user_id, created_at desc)')
  })

  test('serve whatever the order of columns that are each held against one value', () => {
    const text = 'select * from trades where user_id = $1 and tenant_id = $2'
    expect(derive(text, withIndex(index('i', 'tenant_id, user_id'))).shown).toEqual([])
  })

  test('that are invalid are told of', () => {
    const { refused } = derive(story, withIndex(index('broken', 'user_id, created_at desc', { isValid: false })))
    expect(refused).toContain('broken on trades would serve it, but is invalid')
  })
})

describe('refused or rewritten', () => {
  test.each([
    ['select * from orders where id::text = $1', 'id = $1::int'],
    ['select * from orders where user_id = $1::numeric', 'user_id = $1::int'],
    ['select * from orders where user_id = 5.5::float8', 'user_id = …::int'],
    ['select * from orders where amount = $1::float8', 'amount = $1::numeric'],
    ['select * from orders where code = $1::text', 'code = $1::char'],
    ['select * from orders where created_at::date = $1', 'created_at >= $1::date and created_at < $1::date + 1'],
    [`select * from orders where date_trunc('day', created_at) = $1`, 'time zone'],
    ['select * from orders where id::text = any($1)', 'id = any($1::int[])'],
    ['select * from orders where $1 = any(tags)', 'tags @> array'],
  ])('the cast or call is what keeps the index out: %s', (text, expected) => {
    expect(derive(text).rewrites).toContain(expected)
  })

  test.each([
    ['select * from orders o join users u on u.id = o.user_id where o.email = $1 or u.mail = $2', 'over two tables'],
    ['select * from orders where user_id = $1 or amount > ratio', 'An arm of an OR'],
    ['select * from orders where email ilike $1', 'pg_trgm'],
    [`select * from orders where email like '%x'`, 'pg_trgm'],
    ['create table x (a int)', 'neither a SELECT'],
  ])('%s', (text, expected) => {
    expect(derive(text).refused).toContain(expected)
  })

  test('tables that are small, temporary or foreign', () => {
    const text = 'select * from trades where user_id = $1'
    const small = { trades: table('trades', columns, [], { rows: 90 }) }
    expect(derive(text, small).refused).toContain('about 90 rows')
    expect(derive(text, { trades: table('trades', columns, [], { kind: 'temporary' }) }).refused).toContain('temporary')
    expect(derive(text, { trades: table('trades', columns, [], { kind: 'other' }) }).refused).toContain('no table')
  })

  test('a condition that a parameter switches off says what a generic plan does', () => {
    expect(derive('select * from orders where $1::int is null or user_id = $1').notes).toContain('generic plan')
  })
})

describe('parameters', () => {
  test('are known by the column they are held against', () => {
    const { parameters } = derive(
      'select * from orders where user_id = $1 and created_at > $2 and status = any($3) and email like $4 limit $5 offset $6',
    )
    const uses = [...parameters].map(([place, use]) => [place, use.how, 'column' in use ? use.column.name : ''])
    expect(uses).toEqual(
      expect.arrayContaining([
        [1, 'equal', 'user_id'],
        [2, 'above', 'created_at'],
        [3, 'among', 'status'],
        [4, 'prefix', 'email'],
        [5, 'limit', ''],
        [6, 'limit', ''],
      ]),
    )
  })
})

test('a literal of a column with many values is in nothing that is derived', () => {
  const word = fc.stringMatching(/^zq[a-z]{6}$/)
  const frame = fc.constantFrom(
    (value: string) => `select * from orders where email = ${value} and user_id = $1`,
    (value: string) => `select * from orders where email in (${value}, 'b') or tenant_id = $1`,
    (value: string) => `select * from orders where email like ${value} || '%' and coalesce(email, ${value}) = $1`,
    (value: string) =>
      `select * from orders where email::varchar = ${value} and id::text = ${value} and replace(email, ${value}, '') = $1`,
    (value: string) => `select * from orders where data @> ${value} and email <> ${value} and (email || ${value}) = $1`,
    (value: string) =>
      `update orders set email = ${value} where lower(email) = ${value} and created_at::date = ${value}`,
    (value: string) =>
      `select * from orders where email between ${value} and ${value} order by (email = ${value}) limit 1`,
  )
  fc.assert(
    fc.property(frame, word, (write, value) => {
      const { shown, refused, rewrites, notes } = derive(write(`'${value}'`))
      expect([shown, refused, rewrites, notes].join()).not.toContain(value)
    }),
  )
})

describe('the text', () => {
  const replace = (text: string) =>
    replaceTables(parser, text, ({ relname = '' }) => ({ text: 'pg_temp.copy', alias: relname }))

  test.each([
    ['select t.a from t', 'select t.a from pg_temp.copy as t'],
    [
      'select "ä" from "T ü" join s.u as x on true',
      'select "ä" from pg_temp.copy as "T ü" join pg_temp.copy as x on true',
    ],
    ['select 1 from only t', 'select 1 from only pg_temp.copy as t'],
    ['update s.t set a = 1', 'update pg_temp.copy as t set a = 1'],
    ['with t as (select * from t) select * from t', 'with t as (select * from pg_temp.copy as t) select * from t'],
    ['select * from t for update of t', 'select * from pg_temp.copy as t for update of t'],
  ])('%s', (text, expected) => {
    expect(replace(text)).toBe(expected)
  })

  test('names are quoted where they must be', () => {
    expect(['a', 'A', 'order', 'a b', 'q"t'].map(quoteName)).toEqual(['a', '"A"', '"order"', '"a b"', '"q""t"'])
  })
})
