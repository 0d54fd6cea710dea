import { createLocks } from 'holdfast/locks'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createExportsService } from '../../example/src/modules/exports/service.js'
import { eventually } from '../helpers/eventually.js'
import { addCustomer, addEvent, openTwin, useBoxOffice, type BoxOfficeUnderTest } from './box-office.js'

let box: BoxOfficeUnderTest
let paymentsUrl: string
let customerId: string
let path: string

useBoxOffice((payments, opened) => {
  paymentsUrl = payments.url
  box = opened
})

beforeEach(async () => {
  customerId = await addCustomer(box)
  path = `/customers/${customerId}/order-export`
})

const buy = async (eventId: string, standing: number) =>
  (await box.call('POST', '/orders', { customerId, eventId, standing })).body.id

const readRows = () => box.db.sql<{ orders: number; fence: string }>`
  select orders, fence from order_exports where customer_id = ${customerId}`

/** Whoever reads orders waits until the function is called that it gives. */
async function blockOrders(): Promise<() => Promise<void>> {
  const client = await box.db.connectDirect()
  await client.query('begin; lock table orders in access exclusive mode')
  let ended: Promise<void> | undefined
  const unblock = async () => await (ended ??= client.end())
  onTestFinished(unblock)
  return unblock
}

/** Until somebody holds the lock and waits for its first page. */
async function awaitReader(): Promise<void> {
  await eventually(async () => {
    const waiting = await box.db.sql`select from pg_locks where relation = 'orders'::regclass and not granted`
    expect(waiting).toHaveLength(1)
  })
}

test('the export is a CSV of the own orders, the oldest first, and a later one replaces it', async () => {
  const { eventId } = await addEvent(box.db, { title: 'Foxes, "Paper"' })
  const { eventId: formula } = await addEvent(box.db, { title: '=1+1' })
  const ids = [await buy(eventId, 1), await buy(formula, 2)]
  const reply = await box.call('POST', path)
  expect(reply.status).toBe(200)
  expect(reply.body).toEqual({ customerId, orders: 2, madeAt: expect.any(String) })

  const file = await fetch(new URL(path, box.url))
  expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8'])
  expect(file.headers.get('content-disposition')).toBe(`attachment; filename="orders-${customerId}.csv"`)
  const lines = (await file.text()).split('\r\n')
  expect(lines.map((line) => line.replace(/,[^,]*Z$/, ''))).toEqual([
    'order,event,title,status,total_cents,currency,ordered_at',
    `${ids[0]},${eventId},"Foxes, ""Paper""",paid,2500,EUR`,
    `${ids[1]},${formula},'=1+1,paid,5000,EUR`,
    '',
  ])

  const [first] = await readRows()
  await buy(eventId, 3)
  expect((await box.call('POST', path)).body).toMatchObject({ orders: 3 })
  const [second, ...others] = await readRows()
  expect(others).toEqual([])
  expect(BigInt(second?.fence ?? 0)).toBeGreaterThan(BigInt(first?.fence ?? 0))
})

test('pages are joined without a gap, also where the last one is full', async () => {
  const { eventId } = await addEvent(box.db)
  const ids: string[] = []
  const exports = createExportsService({ db: box.db, locks: box.locks, pageSize: 2 })
  for (const orders of [0, 1, 2, 3, 4]) {
    if (orders > 0) ids.push(await buy(eventId, 1))
    expect(await exports.exportOrders(customerId)).toMatchObject({ orders })
    const lines = (await exports.getCsv(customerId)).trimEnd().split('\r\n').slice(1)
    expect(lines.map((line) => line.split(',')[0])).toEqual(ids)
  }
})

test('of two at once in two processes one exports and the other is told since when', async () => {
  const twin = await openTwin(box, paymentsUrl)
  onTestFinished(async () => await twin.close())
  const unblock = await blockOrders()
  const startedAt = Date.now()
  const both = [box, twin].map((each) => each.call('POST', path))
  const refused = await Promise.race(both)
  expect(refused.status).toBe(409)
  expect(refused.body).toMatchObject({ code: 'BOX_EXPORT_RUNNING', customerId, fix: expect.any(String) })
  const { runningSince } = refused.body as unknown as { runningSince: string }
  expect(Math.abs(Date.parse(runningSince) - startedAt)).toBeLessThan(15_000)
  // Somebody else's is not in its way.
  const other = await addCustomer(box)
  const others = twin.call('POST', `/customers/${other}/order-export`)
  await unblock()
  expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 409])
  expect((await others).status).toBe(200)
  expect(await readRows()).toHaveLength(1)
  expect((await twin.call('POST', path)).status).toBe(200)
})

test('a holder that lost its lock writes nothing', async () => {
  const unblock = await blockOrders()
  const running = box.call('POST', path)
  await awaitReader()
  await box.db.sql`delete from holdfast.locks_requests where key = ${`user:${customerId}:order-export`}`
  await unblock()
  const reply = await running
  expect([reply.status, reply.body.code]).toEqual([409, 'HF_LOCKS_STALE'])
  expect(await readRows()).toEqual([])
  expect((await box.call('POST', path)).status).toBe(200)
})

test('a holder that is told of its loss stops reading', async () => {
  const locks = createLocks(box.db, { ttlMs: 3_000 })
  onTestFinished(async () => await locks.close())
  await blockOrders()
  const running = createExportsService({ db: box.db, locks }).exportOrders(customerId)
  // It may be told before somebody listens.
  running.catch(() => {})
  await awaitReader()
  await box.db.sql`delete from holdfast.locks_requests where key = ${`user:${customerId}:order-export`}`
  await expect(running).rejects.toMatchObject({ code: 'BOX_EXPORT_LOST', status: 409 })
  expect(await readRows()).toEqual([])
})

test('what is not there is told', async () => {
  const missing = await box.call('GET', path)
  expect([missing.status, missing.body.code]).toEqual([404, 'BOX_EXPORT_NOT_FOUND'])
  const nobody = await box.call('POST', '/customers/99999999/order-export')
  expect([nobody.status, nobody.body.code]).toEqual([404, 'BOX_CUSTOMER_NOT_FOUND'])
})
