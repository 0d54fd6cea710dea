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
const hold = (eventId: string, wanted: object, key?: string) =>
  box.call('POST', `/events/${eventId}/holds`, { customerId, ...wanted }, withKey(key))
const countLeft = async (eventId: string) => (await box.call('GET', `/events/${eventId}`)).body.standing.remaining
const listFree = async (eventId: string) =>
  (await box.call('GET', `/events/${eventId}/seats`)).body.seats.map((seat) => seat.isFree)
/** Time passes for what is held or sold of an event. */
const letExpire = (eventId: string) =>
  box.db.sql`update holdfast.holds_taken set expires_at = now() - interval '1 second' where resource = ${eventId}`
const countHeld = async () => (await box.db.sql`select 1 from holdfast.holds_taken where not is_confirmed`).length

describe('places of an order', () => {
  test('two customers want the same seat at once: one has it, the other is told so', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { seats: 1 })
    const other = await addCustomer(box)
    const replies = await Promise.all([customerId, other].map((customerId) => buy({ customerId, eventId, seatIds })))
    const [sold, refused] = replies.toSorted((a, b) => a.status - b.status)
    expect(sold?.status).toBe(201)
    expect([refused?.status, refused?.body]).toMatchObject([409, { code: 'BOX_SEATS_TAKEN', seatIds, left: 0 }])
  })

  test('a reservation that is refused gives back what it took, at once', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 2, seats: 2 })
    const stranger = await buy({ customerId: '999999', eventId, seatIds, standing: 2 })
    expect(stranger.body.code).toBe('BOX_CUSTOMER_NOT_FOUND')
    const tooMany = await buy({ eventId, seatIds, standing: 3 })
    expect(tooMany.body).toMatchObject({ code: 'BOX_SOLD_OUT', wanted: 3, remaining: 2 })
    expect((await buy({ eventId: '999999', standing: 1 })).body.code).toBe('BOX_EVENT_NOT_FOUND')
    const past = await addEvent(box.db, { startsInHours: -1 })
    expect((await buy({ eventId: past.eventId, standing: 1 })).body.code).toBe('BOX_EVENT_STARTED')
    expect(await countHeld()).toBe(0)
    expect((await buy({ eventId, seatIds, standing: 2 })).status).toBe(201)
  })

  test('an order that comes again after a death in between has the places that were taken for it', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 1, seats: 1 })
    const wanted = { customerId, eventId, seatIds, standing: 1 }
    const taken = await box.places.take(wanted, { route: 'POST /orders', key: 'again', ttlMs: 60_000 })
    expect(await listFree(eventId)).toEqual([false])
    const reply = await buy(wanted, 'again')
    expect(reply.status).toBe(201)
    const [order] = await box.db.sql`select seats_hold_id, standing_hold_id from orders where id = ${reply.body.id}`
    expect(Object.values(order ?? {})).toEqual(taken.holds.map(({ id }) => id))
  })

  test('a declined order that comes again is declined, whoever has its places by then, and takes none', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 1, seats: 1 })
    await payments.turn({ failShare: 1 })
    const declined = await buy({ eventId, seatIds, standing: 1 }, 'declined')
    await payments.turn({})
    const comeAgain = async () => await buy({ eventId, seatIds, standing: 1 }, 'declined')
    expect((await comeAgain()).body).toEqual({ ...declined.body, requestId: expect.any(String) })
    expect([await countLeft(eventId), await listFree(eventId)]).toEqual([1, [true]])
    expect((await buy({ eventId, seatIds, standing: 1 })).status).toBe(201)
    expect((await comeAgain()).body.code).toBe('BOX_PAYMENT_DECLINED')
  })

  test('a key that idempotency has forgotten does not order the same places a second time', async () => {
    const { eventId } = await addEvent(box.db, { standing: 5 })
    expect((await buy({ eventId, standing: 1 }, 'old')).status).toBe(201)
    await box.idempotency.forget({ scope: 'POST /orders', principal: `customer:${customerId}`, key: 'old' })
    const reply = await buy({ eventId, standing: 1 }, 'old')
    expect([reply.status, reply.body.code]).toEqual([409, 'BOX_HOLDS_ORDERED'])
    expect(await countLeft(eventId)).toBe(4)
  })

  test('time does not take them back', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 1, seats: 1 })
    const { body: order } = await buy({ eventId, seatIds, standing: 1 })
    await letExpire(eventId)
    await box.holds.sweep()
    expect((await buy({ eventId, standing: 1 })).body.code).toBe('BOX_SOLD_OUT')
    expect((await buy({ eventId, seatIds })).body.code).toBe('BOX_SEATS_TAKEN')
    expect((await box.call('POST', `/orders/${order.id}/cancel`)).body.status).toBe('cancelled')
    expect([await countLeft(eventId), await listFree(eventId)]).toEqual([1, [true]])
  })

  test('an order from before there were holds gives its places back', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 3, seats: 2 })
    const { body: order } = await buy({ eventId, seatIds, standing: 3 })
    await box.db.sql`update orders set seats_hold_id = null, standing_hold_id = null where id = ${order.id}`
    await box.db.sql`update seats set hold_id = -${order.id}::bigint where event_id = ${eventId}`
    await box.db.sql`delete from holdfast.holds_taken where resource = ${eventId}`
    await checkStock(box.db)
    expect((await box.call('POST', `/orders/${order.id}/cancel`)).body.status).toBe('cancelled')
    expect([await countLeft(eventId), await listFree(eventId)]).toEqual([3, [true, true]])
  })
})

describe('holding before buying', () => {
  test('what is held is nobody else’s, and becomes an order', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 5, seats: 2 })
    const held = await hold(eventId, { standing: 4, seatIds: [seatIds[0]] }, 'mine')
    expect([held.status, held.body.holdIds.length]).toEqual([201, 2])
    const minutes = (Date.parse(held.body.expiresAt) - Date.now()) / 60_000
    expect(Math.round(minutes)).toBe(10)
    expect((await hold(eventId, { standing: 4, seatIds: [seatIds[0]] }, 'mine')).body).toEqual(held.body)
    expect(await listFree(eventId)).toEqual([false, true])
    const other = await addCustomer(box)
    const late = await buy({ customerId: other, eventId, standing: 2 })
    expect(late.body).toMatchObject({ code: 'BOX_SOLD_OUT', wanted: 2, remaining: 1 })
    await checkStock(box.db)

    const { holdIds } = held.body
    const stolen = await buy({ customerId: other, eventId, holdIds })
    expect([stolen.status, stolen.body.code]).toEqual([403, 'HF_HOLDS_NOT_YOURS'])
    const bought = await buy({ eventId, holdIds })
    expect(bought.status).toBe(201)
    const { items } = (await box.call('GET', `/orders/${bought.body.id}`)).body
    expect(items).toEqual([
      { seatId: seatIds[0], quantity: 1, priceCents: 4000 },
      { seatId: null, quantity: 4, priceCents: 2500 },
    ])
  })

  test('held places are ordered once, by however many requests', async () => {
    const { eventId } = await addEvent(box.db, { standing: 2 })
    const { holdIds } = (await hold(eventId, { standing: 1 })).body
    const replies = await Promise.all(Array.from({ length: 5 }, () => buy({ eventId, holdIds })))
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(replies.filter(({ body }) => body.code === 'BOX_HOLDS_ORDERED')).toHaveLength(4)
    const dropped = await box.call('DELETE', `/holds/${holdIds[0]}?customerId=${customerId}`)
    expect([dropped.status, dropped.body.code]).toEqual([409, 'BOX_HOLDS_ORDERED'])
  })

  test('a refused order leaves them held; a declined payment frees them at once', async () => {
    const { eventId } = await addEvent(box.db, { standing: 1 })
    const elsewhere = await addEvent(box.db)
    const { holdIds } = (await hold(eventId, { standing: 1 })).body
    expect((await buy({ eventId: elsewhere.eventId, holdIds })).body.code).toBe('BOX_HOLDS_UNFIT')
    const more = (await hold(elsewhere.eventId, { standing: 1 })).body.holdIds
    const mixed = await buy({ eventId, holdIds: [...holdIds, ...more] })
    expect([mixed.status, mixed.body.code]).toEqual([422, 'BOX_HOLDS_UNFIT'])
    expect(await countLeft(eventId)).toBe(0)
    await payments.turn({ failShare: 1 })
    expect((await buy({ eventId, holdIds })).body.code).toBe('BOX_PAYMENT_DECLINED')
    expect(await countLeft(eventId)).toBe(1)
  })

  test('an abandoned hold comes back, and is too late to be ordered', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 1, seats: 1 })
    const { holdIds } = (await hold(eventId, { standing: 1, seatIds })).body
    await letExpire(eventId)
    const late = await buy({ eventId, holdIds })
    expect([late.status, late.body.code]).toEqual([410, 'HF_HOLDS_GONE'])
    expect((await buy({ eventId, standing: 1, seatIds })).status).toBe(201)
  })

  test('its customer gives it back, and nobody else', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { seats: 2 })
    const { holdIds } = (await hold(eventId, { seatIds })).body
    const drop = (query: string) => box.call('DELETE', `/holds/${holdIds[0]}${query}`)
    expect((await drop('')).status).toBe(422)
    expect((await drop('?customerId=999999')).body.code).toBe('HF_HOLDS_NOT_YOURS')
    expect((await drop(`?customerId=${customerId}`)).body).toEqual({ released: 1 })
    expect((await drop(`?customerId=${customerId}`)).body).toEqual({ released: 0 })
    expect(await listFree(eventId)).toEqual([true, true])
  })

  test('what makes no sense is refused as an order is', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { seats: 1 })
    const elsewhere = await addEvent(box.db, { seats: 1 })
    expect((await hold(eventId, {})).body.fields[0]?.path).toBe('standing')
    expect((await hold(eventId, { seatIds: elsewhere.seatIds })).body.code).toBe('BOX_SEATS_UNKNOWN')
    expect((await hold('999999', { standing: 1 })).body.code).toBe('BOX_EVENT_NOT_FOUND')
    expect((await hold(eventId, { customerId: '999999', seatIds })).body.code).toBe('BOX_CUSTOMER_NOT_FOUND')
    expect((await buy({ eventId, seatIds, holdIds: ['1'] })).body.fields[0]?.path).toBe('holdIds')
    expect((await box.call('POST', `/events/${eventId}/holds`, {}, withKey(''))).status).toBe(400)
  })
})
