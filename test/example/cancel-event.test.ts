import { expect, test } from 'vitest'
import { requireEventForOrder } from '../../example/src/modules/events/repository.js'
import { eventually } from '../helpers/eventually.js'
import {
  addCustomer,
  addEvent,
  checkStock,
  useBoxOffice,
  withKey,
  type BoxOfficeUnderTest,
  type PaymentsUnderTest,
} from './box-office.js'

let payments: PaymentsUnderTest
let box: BoxOfficeUnderTest

useBoxOffice((...opened) => ([payments, box] = opened))

test('a cancelled event is sold no more, and each of its orders is refunded once, whoever stops meanwhile', async () => {
  const stock = await addEvent(box.db, { standing: 20, seats: 4 })
  const customerId = await addCustomer(box)
  const orders: string[] = []
  for (let n = 0; n < 5; n++) {
    const seatIds = n < 4 ? [stock.seatIds[n] as string] : []
    const reply = await box.call('POST', '/orders', { customerId, eventId: stock.eventId, standing: 2, seatIds })
    orders.push(reply.body.id)
  }
  const countRefunds = async () => (await payments.db.sql`select id from refunds`).length
  const before = await countRefunds()
  const path = `/events/${stock.eventId}/cancel`
  const key = withKey()
  const replies = await Promise.all(
    [key, key, withKey()].map(async (headers) => await box.call('POST', path, undefined, headers)),
  )
  expect(replies.map(({ status }) => status)).toEqual([202, 202, 202])
  const worker = await box.jobs.jobs.work()
  await eventually(async () => expect((await box.call('GET', `/orders/${orders[0]}`)).body.status).toMatch(/^cancell/))
  await box.sagaWorker.stop()
  await box.sagas.sagas.work({ pollMs: 50 })
  const { cancelEvent, sagas } = box.sagas
  expect(await sagas.result(cancelEvent, `event:${stock.eventId}:cancel`)).toEqual({ refunds: 5 })
  await worker.stop()
  expect(await countRefunds()).toBe(before + 5)
  expect((await box.call('GET', `/events/${stock.eventId}/cancellation`)).body.status).toBe('done')
  for (const id of orders) expect((await box.call('GET', `/orders/${id}`)).body.status).toBe('cancelled')
  const late = await box.call('POST', '/orders', { customerId, eventId: stock.eventId, standing: 1, seatIds: [] })
  expect([late.status, late.body.code]).toEqual([409, 'BOX_EVENT_CANCELLED'])
  await checkStock(box.db)
}, 30_000)

test('an event that is not there, and one that is not cancelled', async () => {
  expect((await box.call('POST', '/events/999999/cancel')).body.code).toBe('BOX_EVENT_NOT_FOUND')
  const { eventId } = await addEvent(box.db)
  expect((await box.call('GET', `/events/${eventId}/cancellation`)).body.code).toBe('BOX_CANCELLATION_NOT_FOUND')
})

test('a cancellation waits for an order that is being made, and sees it', async () => {
  const { eventId } = await addEvent(box.db)
  const customerId = await addCustomer(box)
  const isCancelled = async () => (await box.call('GET', `/events/${eventId}`)).body.isCancelled
  await box.db.tx(async (tx) => {
    await requireEventForOrder(tx, eventId)
    await box.call('POST', `/events/${eventId}/cancel`)
    // It is at the event's row, and waits there.
    await eventually(async () => expect(await tx.sql`select 1 from pg_locks where not granted`).not.toEqual([]))
    expect(await isCancelled()).toBe(false)
    await tx.sql`
      insert into orders (customer_id, event_id, status, standing_quantity, total_cents, currency)
      values (${customerId}, ${eventId}, 'pending', 0, 100, 'EUR')`
  })
  await eventually(async () => expect(await isCancelled()).toBe(true))
  const cancellation = async () => (await box.call('GET', `/events/${eventId}/cancellation`)).body.status
  await eventually(async () => expect(await cancellation()).toBe('waiting'))
  await box.db.sql`update orders set status = 'payment_failed' where event_id = ${eventId}`
  await eventually(async () => expect(await cancellation()).toBe('done'), { withinMs: 10_000 })
})
