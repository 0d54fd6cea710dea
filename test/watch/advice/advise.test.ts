import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adviseIndexes, type Advice, type AdviceAsk } from '../../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../../helpers/database.js'

let box: TestDatabase
let pool: pg.Pool

const tables = [
  `create table trades as select n as id, case when n % 12 = 0 then 1 else 2 + n * 7919 % 1500 end as user_id,
     repeat('raw ', 40) as raw, now() - n * interval '1 minute' as created_at from generate_series(1, 60000) n`,
  'create index trades_by_user on trades (user_id)',
  `create table orders as select n as id, n * 31 % 5000 as customer_id, (array['done', 'done', 'done', 'open'])[1 + (n % 400 = 0)::int * 3] as status,
     n::text || '@mail' as email, n % 3 = 0 as is_paid, case when n % 200 <> 0 then now() end as sent_at,
     jsonb_build_object('ref', n::text) as data, array[n % 900, n % 7] as tags, now() - n * interval '1 minute' as created_at from generate_series(1, 40000) n`,
  'alter table orders add primary key (id)',
  'create table lines as select n as id, n * 17 % 40000 + 1 as order_id, n % 300 as product_id from generate_series(1, 60000) n',
  'alter table lines add primary key (id)',
  `create table secret as select n as id, 'owner' || n % 50 as owner from generate_series(1, 20000) n`,
  `create view open_orders as select id, customer_id, created_at from orders where status = 'open'`,
  'create table parted (id int, tenant int, at timestamptz) partition by range (at)',
  `create table parted_a partition of parted for values from ('2026-01-01') to ('2026-02-01')`,
  `create table parted_b partition of parted for values from ('2026-02-01') to ('2026-03-01')`,
  `insert into parted select n, n % 2000, timestamptz '2026-01-01' + n % 50 * interval '1 day' from generate_series(1, 40000) n`,
  'analyze',
]

beforeAll(async () => {
  box = await openTestDatabase()
  for (const text of tables) await runAdmin(box.ownerUrl, text)
  await runAdmin(
    box.ownerUrl,
    `grant select, insert, update, delete on trades, orders, lines, open_orders, parted to ${box.role}`,
  )
  pool = new pg.Pool({ connectionString: box.url, max: 2 })
})
afterAll(async () => {
  await pool.end()
  await box.close()
})

const advise = async (text: string, values?: unknown[], more: Partial<AdviceAsk> = {}): Promise<Advice> =>
  await adviseIndexes(pool, { text, ...(values && { values }), deadlineMs: 30_000, ...more })
const firstOf = ({ advice: [first] }: Advice) => first && `${first.table} (${first.columns.join(', ')})`

const story = 'select * from trades where user_id = $1 order by created_at desc limit 50'

describe('advice as a role without special rights', () => {
  test('of the story: the right index first, proven on a copy', async () => {
    const advice = await advise(story, [1])
    expect(firstOf(advice)).toBe('trades (user_id, created_at desc)')
    expect(advice.advice).toHaveLength(1)
    const [first] = advice.advice
    expect(first).toMatchObject({
      ddl: 'create index concurrently on public.trades (user_id, created_at desc)',
      kind: 'plain',
      proof: { by: 'sample', usesIndex: true },
      makesRedundant: ['public.trades_by_user'],
    })
    expect(first?.proof.costBefore).toBeGreaterThan((first?.proof.costAfter ?? 0) * 2)
    expect(first?.proof.msAfter).toBeLessThan(first?.proof.msBefore ?? 0)
    expect(first?.writeCost).toContain('trades has 1 index')
    expect(advice.refused).toEqual([])
  })

  test('is the same where the server chooses the values', async () => {
    expect(await advise(story)).toMatchObject({ refused: [], advice: [{ columns: ['user_id', 'created_at desc'] }] })
    expect(firstOf(await advise('select * from lines where order_id = $1'))).toBe('lines (order_id)')
    expect(firstOf(await advise('select * from orders where customer_id in ($1, $2) and created_at > $3'))).toContain(
      'customer_id',
    )
    expect(firstOf(await advise('select * from lines where order_id = any($1)'))).toBe('lines (order_id)')
  })

  test('of joins, partial, expression, JSON and arrays', async () => {
    const join = 'select o.id, l.product_id from orders o join lines l on l.order_id = o.id where o.id = $1'
    expect(firstOf(await advise(join, [77]))).toBe('lines (order_id)')
    const open = await advise(`select id from orders where status = 'open' order by created_at limit 10`)
    expect(open.advice[0]).toMatchObject({ kind: 'partial', columns: ['created_at'] })
    expect(open.advice[0]?.ddl).toContain(`where status = 'open'`)
    const unsent = await advise('select id from orders where sent_at is null order by created_at limit 10')
    expect(unsent.advice[0]?.ddl).toContain('(created_at) where sent_at is null')
    const email = await advise('select id from orders where lower(email) = $1', ['7@mail'])
    expect(email.advice[0]).toMatchObject({ kind: 'expression', columns: ['lower(email)'] })
    const field = await advise(`select id from orders where data->>'ref' = $1`, ['7'])
    expect(field.advice[0]?.ddl).toContain(`((data ->> 'ref'))`)
    const inside = await advise('select id from orders where data @> $1', ['{"ref":"7"}'])
    expect(inside.advice[0]?.ddl).toContain('using gin (data jsonb_path_ops)')
    expect((await advise('select id from orders where tags && $1', [[777]])).advice[0]?.ddl).toContain(
      'using gin (tags)',
    )
  })

  test('through a view, in a WITH, in a subquery, and of changes, which are never run', async () => {
    expect((await advise('select id from open_orders where customer_id = $1', [31])).advice[0]?.ddl).toMatch(
      /public\.orders \(customer_id\)/,
    )
    const within =
      'with mine as (select * from trades) select * from mine where user_id = $1 order by created_at desc limit 5'
    expect(firstOf(await advise(within, [1]))).toBe('trades (user_id, created_at desc)')
    const nested = 'select id from orders o where o.id < 50 and exists (select from lines l where l.order_id = o.id)'
    expect(firstOf(await advise(nested))).toBe('lines (order_id)')
    const change = await advise('update lines set product_id = 0 where order_id = $1', [5])
    expect(firstOf(change)).toBe('lines (order_id)')
    expect(change.advice[0]?.proof).not.toHaveProperty('msBefore')
    expect(firstOf(await advise('delete from public.lines where order_id = $1', [5]))).toBe('lines (order_id)')
    const locking = await advise('select id from lines where order_id = $1 for update skip locked', [5])
    expect(locking.advice[0]?.proof).not.toHaveProperty('msBefore')
  })

  test('of an OR, an index for each arm that has none', async () => {
    const both = await advise('select id from lines where order_id = $1 or product_id = $2', [5, 7])
    expect(both.advice.map(({ columns }) => columns.join())).toEqual(expect.arrayContaining(['order_id', 'product_id']))
    expect(both.notes.join()).toContain('only together')
  })

  test('of a partitioned table: one for each partition', async () => {
    const { advice, notes } = await advise('select * from parted where tenant = $1', [7])
    expect(advice[0]?.ddl.split(';\n')).toEqual([
      'create index parted_tenant_idx on only public.parted (tenant)',
      'create index concurrently parted_tenant_idx_p1 on public.parted_a (tenant)',
      'alter index public.parted_tenant_idx attach partition public.parted_tenant_idx_p1',
      'create index concurrently parted_tenant_idx_p2 on public.parted_b (tenant)',
      'alter index public.parted_tenant_idx attach partition public.parted_tenant_idx_p2',
    ])
    expect(notes.join()).toContain('partitioned')
    for (const text of advice[0]?.ddl.split(';\n') ?? []) await runAdmin(box.ownerUrl, text)
    const [valid] = await runAdmin(
      box.ownerUrl,
      `select indisvalid from pg_index where indexrelid = 'parted_tenant_idx'::regclass`,
    )
    expect(valid).toEqual({ indisvalid: true })
  })
})

describe('with hypopg', () => {
  // The embedded server has no extensions; Debian's 15, which `.ci/run` installs, has this one.
  test('over the tables themselves: nothing is copied, the role may not even; without it, on copies', async () => {
    const [available] = await runAdmin(box.ownerUrl, `select 1 from pg_available_extensions where name = 'hypopg'`)
    if (!available) {
      expect((await advise(story, [1])).advice[0]).toMatchObject({ proof: { by: 'sample' } })
      return
    }
    const [{ name } = { name: '' }] = await runAdmin<{ name: string }>(
      box.ownerUrl,
      'select current_database() as name',
    )
    await runAdmin(box.ownerUrl, 'create extension hypopg')
    await runAdmin(box.ownerUrl, `revoke temporary on database ${name} from public`)
    try {
      for (const values of [[1], undefined]) {
        const { advice, refused } = await advise(story, values)
        expect(refused).toEqual([])
        expect(advice[0]).toMatchObject({
          columns: ['user_id', 'created_at desc'],
          proof: { by: 'hypopg', usesIndex: true },
        })
        expect(advice[0]?.sizeBytes).toBeGreaterThan(500_000)
      }
      const both = await advise('select id from lines where order_id = $1 or product_id = $2', [5, 7])
      expect(both.advice).toHaveLength(2)
      const document = await advise('select id from orders where data @> $1', ['{"ref":"7"}'])
      expect(document.refused[0]?.why).toContain('nothing can be proven')
    } finally {
      await runAdmin(box.ownerUrl, `grant temporary on database ${name} to public`)
      await runAdmin(box.ownerUrl, 'drop extension hypopg')
    }
  })
})

describe('refused with the reason', () => {
  const refusalOf = async (text: string, values?: unknown[], more?: Partial<AdviceAsk>) => {
    const { advice, refused, rewrites } = await advise(text, values, more)
    expect(advice).toEqual([])
    return [...refused.map(({ why }) => why), ...rewrites.map(({ why, to }) => `${why} → ${to}`)].join(' | ')
  }

  test('what exists, is small, is cast, cannot be served', async () => {
    expect(await refusalOf('select * from orders where id = $1', [1])).toContain('exists already')
    expect(await refusalOf('select * from orders where id::text = $1', ['7'])).toContain('id = $1::int')
    expect(await refusalOf('select * from trades where user_id = $1::numeric', [7])).toContain('user_id = $1::int')
    expect(await refusalOf(`select * from orders where email ilike '%x%'`)).toContain('pg_trgm')
    expect(await refusalOf('select count(*) from orders')).toContain('Nothing')
    expect(await refusalOf('truncate orders')).toContain('neither a SELECT')
    expect(await refusalOf('this is no sql')).toContain('parser')
    expect(await refusalOf('select * from nowhere where a = 1')).not.toBe('')
    expect(await refusalOf('select public.orders.id from public.orders where public.orders.customer_id = 1')).toContain(
      'named with their schema',
    )
  })

  test('where this role may not read, or not copy', async () => {
    expect(await refusalOf('select * from secret where owner = $1 and id > $2', ['owner1', 1])).toContain('right')
    const [{ name } = { name: '' }] = await runAdmin<{ name: string }>(
      box.ownerUrl,
      'select current_database() as name',
    )
    await runAdmin(box.ownerUrl, `revoke temporary on database ${name} from public`)
    try {
      expect(await refusalOf(story, [1])).toContain('may not create temporary tables, and hypopg is not installed')
    } finally {
      await runAdmin(box.ownerUrl, `grant temporary on database ${name} to public`)
    }
  })

  test('where its time is over, the table is locked, or nobody wants it any more', async () => {
    expect(await refusalOf(story, [1], { deadlineMs: 30 })).toContain('time was over')
    const blocker = new pg.Client({ connectionString: box.ownerUrl })
    await blocker.connect()
    await blocker.query('begin')
    await blocker.query('lock table trades in access exclusive mode')
    expect(await refusalOf(story, [1])).toContain('locked')
    await blocker.query('rollback')
    await blocker.end()
    await expect(advise(story, [1], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    const late = advise(story, [1], { signal: AbortSignal.timeout(40) })
    await expect(late).rejects.toThrow()
  })

  test('where the database is away', async () => {
    const away = new pg.Pool({ host: '127.0.0.1', port: 1 })
    const { refused } = await adviseIndexes(away, { text: story })
    expect(refused).toEqual([{ why: 'The database could not be asked.' }])
    await away.end()
  })
})

describe('the user’s database', () => {
  const statements = [
    story,
    'update orders set status = $1 where customer_id = 7',
    'delete from lines where order_id = $1',
  ]
  const look = async () =>
    await runAdmin(
      box.ownerUrl,
      `select (select json_agg(relname order by relname) from pg_class where relname !~ '^pg_toast') as names,
         (select sum(n_tup_ins + n_tup_upd + n_tup_del)::int from pg_stat_user_tables where schemaname = 'public') as writes,
         (select md5(string_agg(o::text, '' order by id)) from orders o) as orders, (select count(*)::int from lines) as lines`,
    )

  test('is as it was: no row written, nothing left, and whoever asks locks nothing more than reading does', async () => {
    const before = await look()
    for (const text of statements) await advise(text, text === story ? [1] : ['1'])
    expect(await look()).toEqual(before)
    const reader = new pg.Client({ connectionString: box.ownerUrl })
    await reader.connect()
    await reader.query('begin')
    // Conflicts with whatever would write, and with nothing that reads.
    await reader.query('lock table orders, lines, trades in exclusive mode')
    for (const text of statements) expect((await advise(text, text === story ? [1] : ['1'])).refused).toEqual([])
    await reader.query('rollback')
    await reader.end()
  })

  test('a function that does something is planned and not run', async () => {
    await box.db.query('create table if not exists told (n int)')
    await box.db.query(
      'create or replace function tell() returns int language plpgsql volatile as $$ begin insert into told values (1); return 5; end $$',
    )
    const { advice } = await advise('select id, tell() from lines where order_id = $1', [5])
    expect(advice[0]?.proof).not.toHaveProperty('msBefore')
    expect((await box.db.query('select * from told')).rows).toEqual([])
  })

  test('its values are in nothing that comes back', async () => {
    const hidden = ['hush-1', 'hush-2%', '{"ref":"hush-3"}']
    const asked = [
      await advise('select id from orders where email = $1 and lower(email) like $2 and data @> $3', hidden),
      await advise(
        `select id from orders where email = 'hush-4' and data->>'ref' = 'hush-5' order by created_at limit 3`,
      ),
      await advise(`select id from orders where email in ('hush-6', 'hush-7') or customer_id = 7`),
      await advise(`select id from orders where id = $1`, ['hush-8']),
      await advise(
        `select id from orders where email::varchar = 'hush-9' and id::text = 'hush-10' and coalesce(email, 'hush-11') = $1`,
        ['hush-12'],
      ),
      await advise(`select id from orders where replace(email, 'hush-13', '') = 'hush-14'`),
    ]
    expect(JSON.stringify(asked)).not.toContain('hush-')
  })
})
