import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClashLab, type ClashLab } from '../../src/clash/index.js'
import { invariant } from '../../src/core/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { fillShop, openPg, request, requests, type Shop } from './shop.js'

const more = `
  create table visit (path text not null, page int not null) partition by list (page);
  create table visit_1 partition of visit for values in (1);
  create table visit_2 partition of visit for values in (2);
  insert into visit values ('/', 1), ('/', 1), ('/a', 2);
  create table priced (id int primary key, net int not null, gross int generated always as (net * 2) stored);
  insert into priced values (1, 10);
  create table log (id int primary key, line text references priced_note (line) deferrable)`

let box: TestDatabase
let lab: ClashLab<Shop>

beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
  await fillShop(box.ownerUrl)
  await runAdmin(box.ownerUrl, `create table priced_note (line text primary key); ${more}`)
  await box.db.close()
  const invariants = [invariant('somebody is on call', 'select where not exists (select from doctor where on_call)')]
  lab = await openClashLab({ url: box.ownerUrl, open: openPg, invariants })
})
afterAll(async () => {
  await lab.close()
  await box.close()
})

const once = (name: string, ...texts: string[]) =>
  request(name, async (shop) => {
    for (const text of texts) await shop.read(text)
  })

const readAll = async (): Promise<unknown> =>
  await runAdmin(
    lab.url,
    `select (select json_agg(i order by id) from item i) as items, (select json_agg(v order by page, path) from visit v) as visits,
            (select json_agg(p) from priced p) as prices, (select json_agg(s) from sale s) as sales,
            (select last_value from sale_id_seq) as drawn, (select count(*)::int from holdfast_clash.changes) as changes`,
  )

test('clocks, random values and numbers drawn are not compared, and are named', async () => {
  const enrol = once(
    'POST /enrol',
    `insert into member (email) values (md5(random()::text))`,
    'insert into sale (item) values (1)',
  )
  const { verdict, masked, diagram } = await lab.replay(enrol, enrol)
  expect(verdict, diagram).toBe('none found')
  expect(masked).toEqual(expect.arrayContaining(['member.email', 'member.id', 'sale.at', 'sale.id']))
})

test('an invariant that both orders keep is a clash where it breaks', async () => {
  const { verdict, reason } = await lab.replay(requests.leave, requests.leaveOther)
  expect([verdict, reason]).toEqual(['clash', 'it breaks: somebody is on call'])
})

test('after a replay everything is as it was: rows without a key, of partitions, with generated columns, numbers', async () => {
  const before = await readAll()
  const change = once(
    'PUT /all',
    `delete from visit where path = '/a'`,
    'update visit set page = 3 - page',
    'update priced set net = net + 1',
    'insert into priced (id, net) select max(id) + 1, 1 from priced',
    'insert into sale (item) values (7)',
  )
  const { verdict } = await lab.replay(change, change, { preemptions: 1 })
  expect(verdict).toBe('clash')
  expect(await readAll()).toEqual(before)
})

test('who is refused, and leaves nothing, has noticed it', async () => {
  const take = request('POST /take', async (shop) => {
    await shop.within(async (read) => {
      await read('set transaction isolation level serializable')
      const [row] = await read('select stock from item where id = 1')
      await read(`update item set stock = ${Number(row?.['stock']) - 1} where id = 1`)
    })
  })
  const report = await lab.replay(take, take)
  expect(report.verdict, report.diagram).toBe('none found')
  // What failed, and left half of its work, has not.
  const half = request('POST /half', async ({ read }) => {
    const [row] = await read('select stock from item where id = 1')
    await read('update item set stock = stock - 1 where id = 1')
    await read(`insert into priced values (${Number(row?.['stock'])}, 1)`)
  })
  const failed = await lab.replay(half, half)
  expect(failed.verdict, failed.diagram).toBe('clash')
})

test('lock orders that deadlock are counted, and end', async () => {
  const move = (from: number, to: number) =>
    request(`POST /move/${from}`, async (shop) => {
      await shop.within(async (read) => {
        await read(`update item set stock = stock - 1 where id = ${from}`)
        await read(`update item set stock = stock + 1 where id = ${to}`)
      })
    })
  const report = await lab.replay(move(1, 2), move(2, 1))
  expect(report.verdict, report.diagram).toBe('none found')
  expect(report.deadlocks).toBeGreaterThan(0)
})

test('all interleavings, and a bound', async () => {
  const { locked } = requests
  const bounded = await lab.replay(locked, locked, { exhaustive: true, maxSchedules: 5 })
  expect(bounded).toMatchObject({ verdict: 'none found', schedules: 5, isComplete: false })
  const relative = once('POST /less', 'update item set stock = stock - 1 where id = 1')
  expect(await lab.replay(relative, relative, { exhaustive: true })).toMatchObject({
    verdict: 'none found',
    isComplete: true,
  })
})

test('what triggers do not see is refused', async () => {
  const before = await readAll()
  const empty = once('DELETE /visits', '/* all */ truncate visit')
  await expect(lab.replay(empty, empty)).rejects.toMatchObject({ code: 'HF_CLASH_UNDO' })
  expect(await readAll()).toEqual(before)
})

test('a request without an end, and one that is given up, end', async () => {
  const never = request('GET /never', async (shop) => {
    await shop.read('update item set stock = 0 where id = 1')
    await new Promise(() => {})
  })
  const sleep = once('GET /sleep', 'update item set stock = 0 where id = 1', 'select pg_sleep(0.2)')
  await expect(lab.replay(never, sleep, { deadlineMs: 300 })).rejects.toMatchObject({ code: 'HF_CLASH_DEADLINE' })
  const controller = new AbortController()
  const replay = lab.replay(sleep, sleep, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(replay).rejects.toThrow('enough')
  // What was left in the middle of it is gone.
  const { verdict } = await lab.replay(requests.relative, requests.relative)
  expect(verdict).toBe('none found')
})

test('a request that sends nothing is no clash', async () => {
  const idle = request('GET /idle', async () => 204)
  expect(await lab.replay(idle, idle)).toMatchObject({ verdict: 'none found', statuses: [204, 204] })
})

const readMethod = ({ prototype }: { prototype: object }, name: string): unknown => Reflect.get(prototype, name)

test('a lab leaves nothing: no clone, no hooks, no sessions', async () => {
  const [query, connect] = [readMethod(pg.Client, 'query'), readMethod(pg.Pool, 'connect')]
  const other = await openClashLab({ url: box.ownerUrl, open: openPg })
  await other.close()
  expect([readMethod(pg.Client, 'query'), readMethod(pg.Pool, 'connect')]).toEqual([query, connect])
  const name = new URL(other.url).pathname.slice(1)
  expect(await runAdmin(box.ownerUrl, 'select from pg_database where datname = $1', [name])).toEqual([])
  const failing = openClashLab({
    url: box.ownerUrl,
    open: () => {
      throw new Error('no application')
    },
  })
  await expect(failing).rejects.toThrow('no application')
})

// PostgreSQL waits for five seconds whether they go.
test('a database in use cannot be cloned, and the message says why', { timeout: 30_000 }, async () => {
  const client = new pg.Client({ connectionString: box.ownerUrl })
  await client.connect()
  try {
    const opening = openClashLab({ url: box.ownerUrl, open: openPg })
    await expect(opening).rejects.toMatchObject({
      code: 'HF_CLASH_CLONE',
      message: expect.stringMatching(/\d+ other sessions? /) as string,
    })
  } finally {
    await client.end()
  }
})
