import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createImporter } from '../../example/src/modules/history/importer.js'
import type { ImportView } from '../../example/src/modules/history/model.js'
import { createLogger } from '../../example/src/utils/logger.js'
import { adviseStatement, watch, type Finding, type Watch } from '../../src/watch/index.js'
import { eventually } from '../helpers/eventually.js'
import { quietLogger } from '../helpers/jobs.js'
import {
  addCustomer,
  addEvent,
  openBoxOffice,
  openPayments,
  type BoxOfficeUnderTest,
  type PaymentsUnderTest,
} from './box-office.js'

// A fiftieth of what people get from the button, and the same shares: at 40 000 orders the planner has changed its mind.
const plan = { firstOrders: 4_000, regularEvery: 10, busyUntil: 12_000, busyEvery: 2 }
const history = { plan, batchOrders: 4_000, paceMs: 0, restMs: 0 }

let payments: PaymentsUnderTest
let box: BoxOfficeUnderTest

beforeAll(async () => {
  payments = await openPayments()
  box = await openBoxOffice(payments.url, { history })
})
afterAll(async () => {
  await box?.close()
  await payments?.close()
})

async function ask(method: 'GET' | 'PUT', body?: object): Promise<ImportView> {
  const reply = await box.call(method, '/history', body)
  return reply.body as unknown as ImportView
}

const waitUntilDone = async (): Promise<ImportView> =>
  await eventually(
    async () => {
      const now = await ask('GET')
      expect(now.state).toBe('done')
      return now
    },
    { withinMs: 15_000 },
  )

async function addRegular(): Promise<string> {
  const { eventId } = await addEvent(box.db)
  const customerId = await addCustomer(box)
  expect((await box.call('POST', '/orders', { customerId, eventId, standing: 1 })).status).toBe(201)
  return customerId
}

test('without anybody who has ordered here there is nobody with a history; too much is refused', async () => {
  expect(await ask('GET')).toEqual({ state: 'none', imported: 0, target: 0, from: null, to: null })
  const refused = await box.call('PUT', '/history', { orders: 1_000 })
  expect([refused.status, refused.body.code]).toEqual([409, 'BOX_HISTORY_NO_REGULARS'])
  expect((await box.call('PUT', '/history', { orders: 2_000_001 })).status).toBe(422)
  expect((await box.call('GET', '/customers/99999999/history')).body.code).toBe('BOX_CUSTOMER_NOT_FOUND')
})

describe('a history that grows', () => {
  let watching: Watch
  const found: Finding[] = []
  beforeAll(async () => {
    watching = await watch(box.db, { logger: quietLogger, onFinding: (finding) => found.push(finding) })
  })
  afterAll(async () => await watching?.stop())

  test('flips the plan of its own page; watch finds it, and the index that is advised is the right one', async () => {
    const customers = [await addRegular(), await addRegular(), await addRegular()]
    const read = async (n: number) => await box.call('GET', `/customers/${customers[n % customers.length]}/history`)
    const listFlips = () =>
      found.filter(({ kind, sentence }) => kind === 'plan-flip' && sentence.includes('past_orders'))

    const countPlans = async () => {
      await watching.flush()
      return (await watching.inspect.queries()).find(({ text }) => /past_orders.*limit/.test(text ?? ''))?.plans
    }

    await ask('PUT', { orders: plan.firstOrders })
    expect(await waitUntilDone()).toMatchObject({ imported: 4_000, from: '2015-01-01T00:02:00.000Z' })
    for (let n = 0; n < 120; n++) expect((await read(n)).body.items).toHaveLength(20)
    // Somebody else's statements may come first, where the machine is busy.
    await eventually(async () => expect(await countPlans()).toBe(1), { withinMs: 10_000 })
    expect(listFlips()).toEqual([])

    await ask('PUT', { orders: 40_000 })
    await waitUntilDone()
    for (let n = 0; n < 1_500 && listFlips().length === 0; n++) await read(n)
    const [flip] = listFlips()
    expect(flip?.sentence).toContain(
      'no longer finds public.past_orders by past_orders_customer_id_idx, but walks along another index',
    )
    expect(flip?.sentence).toContain('public.past_orders grew from')
    expect(flip?.route).toBe('GET /customers/:id/history')

    const { advice } = await adviseStatement(box.db, flip?.statement ?? '')
    expect(advice[0]?.ddl).toMatch(/on public\.past_orders \(customer_id, ordered_at desc, id desc\)/)
  })

  test('is told to whoever looks at their orders, read page by page, and taken back', async () => {
    const [customerId = ''] = (await box.db.sql<{ id: string }>`select min(id) as id from customers`).map(
      ({ id }) => id,
    )
    const orders = await box.call('GET', `/customers/${customerId}/orders`)
    const [, archive = ''] = /^<(.*)>; rel="archives"$/.exec(orders.headers.get('link') ?? '') ?? []
    const seen: string[] = []
    for (let after: string | null = ''; after !== null;) {
      const page = await box.call('GET', `${archive}?limit=100${after && `&after=${after}`}`)
      seen.push(...page.body.items.map(({ id }) => id))
      after = page.body.next
    }
    // One in 200 of the first 4 000, and one in 40 of the 8 000 that follow.
    expect(seen).toHaveLength(220)
    expect(seen.map(Number)).toEqual([...new Set(seen)].map(Number).toSorted((a, b) => b - a))
    expect(await (await fetch(box.url)).text()).toContain('40000')

    expect(await ask('PUT', { orders: 0 })).toEqual({ state: 'none', imported: 0, target: 0, from: null, to: null })
    expect((await box.call('GET', archive)).body.items).toEqual([])
    expect((await box.call('GET', `/customers/${customerId}/orders`)).headers.has('link')).toBe(false)
  })
})

describe('an import', () => {
  const logger = createLogger({ name: 'history', level: 'silent' })

  test('stops at its deadline and goes on when asked again; of two at once each order is of one', async () => {
    const options = { db: box.db, logger, plan, batchOrders: 50, restMs: 0 }
    const slow = await createImporter({ ...options, paceMs: 20, mostMs: 100 })
    await slow.grow(4_000)
    const stopped = await eventually(async () => {
      const now = await slow.describe()
      expect(now.state).toBe('stopped')
      return now
    })
    expect(stopped.imported).toBeLessThan(4_000)
    const both = [await createImporter({ ...options, paceMs: 0 }), await createImporter({ ...options, paceMs: 0 })]
    await Promise.all(both.map(async (importer) => await importer.grow(4_000)))
    await eventually(async () => {
      for (const importer of both) expect((await importer.describe()).state).toBe('done')
    })
    const [counted] = await box.db.sql<{ orders: number; times: number }>`
      select count(*)::int as orders, count(distinct ordered_at)::int as times from past_orders`
    expect(counted).toEqual({ orders: 4_000, times: 4_000 })
    await both[0]?.takeBack()
  })

  test('that is taken back while it runs leaves nothing', async () => {
    const importer = await createImporter({ db: box.db, logger, plan, batchOrders: 50, paceMs: 0, restMs: 0 })
    await importer.grow(100_000)
    expect(await importer.takeBack()).toMatchObject({ state: 'none', imported: 0 })
    const [counted] = await box.db.sql<{ orders: number }>`select count(*)::int as orders from past_orders`
    expect(counted).toEqual({ orders: 0 })
  })
})
