import { afterEach, describe, expect, test } from 'vitest'
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
let customerId: string

useBoxOffice(async (...opened) => {
  ;[payments, box] = opened
  customerId = await addCustomer(box)
})

afterEach(async () => {
  await checkStock(box.db)
  await payments.turn({})
})

const buy = (order: object, key?: string) => box.call('POST', '/orders', { customerId, ...order }, withKey(key))
const countCharges = async (orderId: string) =>
  (
    await payments.db
      .sql`select id from charges where status = 'captured' and reference = ${await referenceOf(orderId)}`
  ).length
const referenceOf = async (orderId: string) =>
  (await box.db.sql<{ name: string }>`select 'checkout-' || checkout_id as name from orders where id = ${orderId}`)[0]
    ?.name

describe('buying standing places', () => {
  test('fifty buyers at once never oversell', async () => {
    const { eventId } = await addEvent(box.db, { standing: 30 })
    const replies = await Promise.all(Array.from({ length: 50 }, () => buy({ eventId, standing: 1 })))
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(30)
    const refused = replies.filter((reply) => reply.status === 409)
    expect(refused).toHaveLength(20)
    expect(refused[0]?.body).toMatchObject({ code: 'BOX_SOLD_OUT', wanted: 1, remaining: 0 })
    const reply = await box.call('GET', `/events/${eventId}`)
    expect(reply.body.standing.remaining).toBe(0)
  })

  test('a refusal says how many are left and takes none', async () => {
    const { eventId } = await addEvent(box.db, { standing: 3 })
    const reply = await buy({ eventId, standing: 5 })
    expect(reply.status).toBe(409)
    expect(reply.body).toMatchObject({ code: 'BOX_SOLD_OUT', remaining: 3, fix: expect.stringContaining('at most 3') })
    expect((await buy({ eventId, standing: 3 })).status).toBe(201)
  })
})

describe('buying numbered seats', () => {
  test('no seat is sold twice, and crossing wishes do not deadlock', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { seats: 10 })
    const wishes = Array.from({ length: 50 }, (_, n) => {
      const pair = [seatIds[n % 10], seatIds[(n + 1) % 10]]
      return n % 2 === 0 ? pair : pair.toReversed()
    })
    const replies = await Promise.all(wishes.map((wish) => buy({ eventId, seatIds: wish })))
    expect(replies.every((reply) => reply.status === 201 || reply.body.code === 'BOX_SEATS_TAKEN')).toBe(true)
    const sold = await box.db.sql`select id from seats where event_id = ${eventId} and hold_id is not null`
    expect(sold).toHaveLength(2 * replies.filter((reply) => reply.status === 201).length)
  })

  test('all or none: one taken seat refuses the whole order and is named', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { seats: 3 })
    await buy({ eventId, seatIds: [seatIds[1]] })
    const reply = await buy({ eventId, seatIds, standing: 2 })
    expect(reply.status).toBe(409)
    expect(reply.body).toMatchObject({ code: 'BOX_SEATS_TAKEN', seatIds: [seatIds[1]], left: 2 })
    const map = await box.call('GET', `/events/${eventId}/seats`)
    expect(map.body.seats.map((seat: { isFree: boolean }) => seat.isFree)).toEqual([true, false, true])
  })

  test('seats of another event are refused', async () => {
    const [one, other] = [await addEvent(box.db, { seats: 1 }), await addEvent(box.db, { seats: 1 })]
    const reply = await buy({ eventId: one.eventId, seatIds: other.seatIds })
    expect(reply.status).toBe(422)
    expect(reply.body.code).toBe('BOX_SEATS_UNKNOWN')
  })
})

test('what was bought has a ticket for each place', async () => {
  const { eventId, seatIds } = await addEvent(box.db, { standing: 4, seats: 2 })
  const { body: order } = await buy({ eventId, seatIds, standing: 3 })
  const { tickets } = (await box.call('GET', `/orders/${order.id}`)).body
  expect(tickets.map(({ seatId }) => seatId)).toEqual([...seatIds, null, null, null])
  expect(new Set(tickets.map(({ code }) => code)).size).toBe(5)
  await box.call('POST', `/orders/${order.id}/cancel`)
  expect((await box.call('GET', `/orders/${order.id}`)).body.tickets).toEqual([])
})

test('a declined payment makes no order and puts the places back on sale', async () => {
  const { eventId, seatIds } = await addEvent(box.db, { standing: 4, seats: 2 })
  await payments.turn({ failShare: 1 })
  const reply = await buy({ eventId, seatIds, standing: 4 })
  expect([reply.status, reply.body.code]).toEqual([402, 'BOX_PAYMENT_DECLINED'])
  expect(await box.db.sql`select id from orders where event_id = ${eventId}`).toEqual([])
  await payments.turn({})
  expect((await buy({ eventId, seatIds, standing: 4 })).status).toBe(201)
})

describe('buying again under the same key', () => {
  test('at once and later gives the one order, paid once, its places taken once', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 10, seats: 2 })
    box.lines.length = 0
    const ask = () => buy({ eventId, seatIds, standing: 3 }, 'again')
    const replies = [...(await Promise.all(Array.from({ length: 10 }, ask))), await ask()]
    const { id } = replies[0]?.body ?? { id: '' }
    for (const { status, headers, body } of replies) {
      expect([status, headers.get('location')]).toEqual([201, `/orders/${id}`])
      expect(body).toEqual({ ...replies[0]?.body, status: 'paid' })
    }
    expect(await box.db.sql`select id from orders where event_id = ${eventId}`).toEqual([{ id }])
    expect(await countCharges(id)).toBe(1)
    expect((await box.call('GET', `/events/${eventId}`)).body.standing.remaining).toBe(7)
    const events = box.lines.filter((line) => line.msg === 'domain event').map((line) => line['event'])
    expect(events.filter((event) => event === 'order.created')).toHaveLength(1)
    expect(events.filter((event) => event === 'order.paid')).toHaveLength(1)
    expect(await box.db.sql`select 1 from holdfast.jobs_ready where body::json ->> 'orderId' = ${id}`).toHaveLength(1)
  })

  test('with another order is refused; the key of another customer is another one', async () => {
    const { eventId } = await addEvent(box.db, { standing: 10 })
    const first = await buy({ eventId, standing: 1 }, 'mine')
    const other = await buy({ eventId, standing: 2 }, 'mine')
    expect([other.status, other.body.code]).toEqual([422, 'HF_IDEMPOTENCY_KEY_REUSED'])
    const theirs = await buy({ customerId: await addCustomer(box), eventId, standing: 2 }, 'mine')
    expect(theirs.status).toBe(201)
    expect(theirs.body.id).not.toBe(first.body.id)
    expect((await box.call('GET', `/events/${eventId}`)).body.standing.remaining).toBe(7)
  })

  test('a refusal that took nothing is no answer to keep: the same key may buy when there are places', async () => {
    const { eventId } = await addEvent(box.db, { standing: 1 })
    expect((await buy({ eventId, standing: 2 }, 'patient')).body.code).toBe('BOX_SOLD_OUT')
    await box.db.sql`update standing_stock set capacity = 2, remaining = 2 where event_id = ${eventId}`
    expect((await buy({ eventId, standing: 2 }, 'patient')).status).toBe(201)
  })

  test('a declined order is declined again; a new key buys', async () => {
    const { eventId } = await addEvent(box.db, { standing: 1 })
    await payments.turn({ failShare: 1 })
    const first = await buy({ eventId, standing: 1 }, 'declined')
    await payments.turn({})
    const second = await buy({ eventId, standing: 1 }, 'declined')
    for (const { status, body } of [first, second]) expect([status, body.code]).toEqual([402, 'BOX_PAYMENT_DECLINED'])
    expect((await buy({ eventId, standing: 1 })).status).toBe(201)
  })
})
