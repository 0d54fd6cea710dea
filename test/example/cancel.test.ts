import { describe, expect, test } from 'vitest'
import { createRefunder } from '../../example/src/modules/refunds/refunder.js'
import { createRefundsService } from '../../example/src/modules/refunds/service.js'
import { createDomainEvents } from '../../example/src/utils/domain-events.js'
import { eventually } from '../helpers/eventually.js'
import {
  addCustomer,
  addEvent,
  checkStock,
  connectPayments,
  useBoxOffice,
  withKey,
  type BoxOfficeUnderTest,
  type PaymentsUnderTest,
} from './box-office.js'

let payments: PaymentsUnderTest
let box: BoxOfficeUnderTest

useBoxOffice((...opened) => ([payments, box] = opened))

async function buyOrder(event = {}) {
  const stock = await addEvent(box.db, { standing: 5, seats: 2, ...event })
  const customerId = await addCustomer(box)
  const order = { customerId, eventId: stock.eventId, standing: 2, seatIds: stock.seatIds }
  const reply = await box.call('POST', '/orders', order)
  return { id: reply.body.id, stock }
}

/** Gives payments less time than they take; the job that asks again is due at once. */
async function cancelImpatiently(id: string) {
  const payer = connectPayments(payments.url, 200)
  const refunder = createRefunder({ db: box.db, payments: payer, places: box.places, events: createDomainEvents() })
  const { jobs, refundJob } = box.jobs
  const { db, idempotency } = box
  const refunds = createRefundsService({ db, refunder, jobs, refundJob, idempotency, resumeAfterMs: 0 })
  return await refunds.cancelOrder(crypto.randomUUID(), id)
}

const countRefunds = async () => (await payments.db.sql`select id from refunds`).length

describe('cancelling', () => {
  test('ten cancellations at once refund once and free the places once', async () => {
    const { id, stock } = await buyOrder()
    const refundsBefore = await countRefunds()
    const replies = await Promise.all(Array.from({ length: 10 }, () => box.call('POST', `/orders/${id}/cancel`)))
    expect(replies.map((reply) => `${reply.status} ${reply.body.status}`)).toEqual(Array(10).fill('200 cancelled'))
    expect(await countRefunds()).toBe(refundsBefore + 1)
    expect((await box.call('GET', `/events/${stock.eventId}`)).body.standing.remaining).toBe(5)
    await checkStock(box.db)
    // What was bought stays on record.
    expect((await box.call('GET', `/orders/${id}`)).body.items).toHaveLength(3)
    expect((await box.call('POST', `/orders/${id}/cancel`)).status).toBe(200)
  })

  test('a refund without an answer keeps the places until it is asked for again', async () => {
    const { id, stock } = await buyOrder()
    await payments.turn({ slowMs: 60_000 })
    expect((await cancelImpatiently(id)).status).toBe('cancelling')
    expect((await box.call('GET', `/events/${stock.eventId}`)).body.standing.remaining).toBe(3)
    await payments.turn({})
    expect((await box.call('POST', `/orders/${id}/cancel`)).body.status).toBe('cancelled')
    await checkStock(box.db)
  })

  test('a refund without an answer is finished by its job, once, though nobody calls again', async () => {
    const { id, stock } = await buyOrder()
    const refundsBefore = await countRefunds()
    await payments.turn({ slowMs: 60_000 })
    expect((await cancelImpatiently(id)).status).toBe('cancelling')
    await payments.turn({})
    const worker = await box.jobs.jobs.work()
    await eventually(async () => expect((await box.call('GET', `/orders/${id}`)).body.status).toBe('cancelled'), {
      withinMs: 15_000,
    })
    await worker.stop()
    expect(await countRefunds()).toBe(refundsBefore + 1)
    expect((await box.call('GET', `/events/${stock.eventId}`)).body.standing.remaining).toBe(5)
    await checkStock(box.db)
  })

  test('under the same key a cancellation that payments refused is refused again; a new key tries anew', async () => {
    const { id } = await buyOrder()
    const cancel = (key: string) => box.call('POST', `/orders/${id}/cancel`, undefined, withKey(key))
    const [order] = await box.db.sql<{ charge_id: string }>`select charge_id from orders where id = ${id}`
    const chargeId = order?.charge_id ?? ''
    await payments.db
      .sql`insert into refunds (key, charge_id) select 'by hand', id from charges where id = ${chargeId}::uuid`
    expect((await cancel('one')).body.code).toBe('BOX_REFUND_REFUSED')
    expect((await box.call('GET', `/orders/${id}`)).body.status).toBe('paid')
    await payments.db.sql`delete from refunds where key = 'by hand'`
    expect((await cancel('one')).body.code).toBe('BOX_REFUND_REFUSED')
    expect((await cancel('two')).body.status).toBe('cancelled')
    expect((await cancel('two')).body.status).toBe('cancelled')
    await checkStock(box.db)
  })

  test('only a paid order of an event to come can be cancelled', async () => {
    const { id: open } = await buyOrder()
    await box.db.sql`update orders set status = 'pending' where id = ${open}`
    const refused = await box.call('POST', `/orders/${open}/cancel`)
    expect([refused.status, refused.body.code]).toEqual([409, 'BOX_ORDER_NOT_CANCELLABLE'])
    expect((await box.call('POST', '/orders/999999/cancel')).body.code).toBe('BOX_ORDER_NOT_FOUND')

    const { id, stock } = await buyOrder()
    await box.db.sql`update events set starts_at = now() - interval '1 hour' where id = ${stock.eventId}`
    expect((await box.call('POST', `/orders/${id}/cancel`)).body.code).toBe('BOX_EVENT_STARTED')
  })
})
