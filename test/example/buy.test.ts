import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { closeServer, listen } from '../../example/src/utils/listen.js'
import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import { createOrdersService } from '../../example/src/modules/orders/service.js'
import type { ChargeOutcome } from '../../example/src/modules/payments/model.js'
import type { PaymentsService } from '../../example/src/modules/payments/service.js'
import { createDomainEvents } from '../../example/src/utils/domain-events.js'
import { createBarrier } from '../helpers/barrier.js'
import {
  addCustomer,
  addEvent,
  checkStock,
  connectPayments,
  openBoxOffice,
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
const openOrders = (service: PaymentsService) =>
  createOrdersService({
    db: box.db,
    payments: service,
    places: box.places,
    events: createDomainEvents(),
    jobs: box.jobs.jobs,
    idempotency: box.idempotency,
  })
const countCharges = async (orderId: string) =>
  (await payments.db.sql`select id from charges where reference = ${`order-${orderId}`}`).length

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

describe('paying', () => {
  test('a declined payment puts the places back on sale', async () => {
    const { eventId, seatIds } = await addEvent(box.db, { standing: 4, seats: 2 })
    await payments.turn({ failShare: 1 })
    const reply = await buy({ eventId, seatIds, standing: 4 })
    expect(reply.status).toBe(402)
    expect(reply.body.code).toBe('BOX_PAYMENT_DECLINED')
    expect((await box.call('GET', `/orders/${reply.body.orderId}`)).body.status).toBe('payment_failed')
    await payments.turn({})
    expect((await buy({ eventId, seatIds, standing: 4 })).status).toBe(201)
  })

  test('a charge whose answer is lost is found by asking, and charged once', async () => {
    const { eventId } = await addEvent(box.db)
    await payments.turn({ timeoutAfterChargeShare: 1 })
    const orders = openOrders(connectPayments(payments.url, 1_000))
    const order = await orders.buy('lost', { customerId, eventId, standing: 2, seatIds: [] })
    expect(order.status).toBe('paid')
    expect(await countCharges(order.id)).toBe(1)
  })

  test('payments that cannot be reached charge nothing and hold nothing', async () => {
    const lonely = await openBoxOffice(`http://127.0.0.1:${await findClosedPort()}`)
    const { eventId } = await addEvent(lonely.db, { standing: 1 })
    const buyer = await addCustomer(lonely)
    const reply = await lonely.call('POST', '/orders', { customerId: buyer, eventId, standing: 1 })
    expect(reply.status).toBe(503)
    expect(reply.body.code).toBe('BOX_PAYMENTS_UNREACHABLE')
    await checkStock(lonely.db)
    expect((await lonely.call('GET', `/events/${eventId}`)).body.standing.remaining).toBe(1)
    await lonely.close()
  })

  test('an unknown outcome stays unknown with its places held, until asking gives an answer', async () => {
    const proxy = await openSilentProxy(payments.url)
    const far = await openBoxOffice(proxy.url, 400)
    const { eventId } = await addEvent(far.db, { standing: 5 })
    const buyer = await addCustomer(far)
    const reply = await far.call('POST', '/orders', { customerId: buyer, eventId, standing: 5 })
    expect(reply.status).toBe(202)
    expect(reply.body.status).toBe('payment_unknown')
    await checkStock(far.db)

    // Still silent: asking again must not guess.
    await far.orders.settleOpenOrders('0', new Date(Date.now() + 1_000), 10)
    expect((await far.call('GET', `/orders/${reply.body.id}`)).body.status).toBe('payment_unknown')

    proxy.speak()
    await far.orders.settleOpenOrders('0', new Date(Date.now() + 1_000), 10)
    expect((await far.call('GET', `/orders/${reply.body.id}`)).body.status).toBe('paid')
    expect(await countCharges(reply.body.id)).toBeGreaterThan(0)
    await checkStock(far.db)
    await far.close()
    await proxy.close()
  })
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
    for (const { status, body } of [first, second])
      expect([status, body.code, body.orderId]).toEqual([402, 'BOX_PAYMENT_DECLINED', first.body.orderId])
    expect((await buy({ eventId, standing: 1 })).status).toBe(201)
  })

  test('an order that could not reach payments is not charged later: its places are gone', async () => {
    const { eventId } = await addEvent(box.db, { standing: 1 })
    const order = { customerId, eventId, standing: 1, seatIds: [] }
    const lonely = openOrders(scriptPayments(() => Promise.resolve({ kind: 'unreachable' })))
    await expect(lonely.buy('early', order)).rejects.toMatchObject({ code: 'BOX_PAYMENTS_UNREACHABLE' })
    const { status, body } = await buy(order, 'early')
    expect([status, body.code]).toEqual([503, 'BOX_PAYMENTS_UNREACHABLE'])
    expect(await countCharges(body.orderId)).toBe(0)
    expect((await buy(order)).status).toBe(201)
  })

  test('an order whose payment was left open is settled', async () => {
    const { eventId } = await addEvent(box.db, { standing: 1 })
    const order = { customerId, eventId, standing: 1, seatIds: [] }
    const unheard = openOrders(scriptPayments(() => Promise.resolve({ kind: 'unknown' })))
    const { id, status } = await unheard.buy('open', order)
    expect(status).toBe('payment_unknown')
    const reply = await buy(order, 'open')
    expect([reply.status, reply.body.id]).toEqual([201, id])
    expect(await countCharges(id)).toBe(1)
  })

  test('of two at once, the one that cannot reach payments does not free what the other pays for', async () => {
    const { eventId } = await addEvent(box.db, { standing: 1 })
    const order = { customerId, eventId, standing: 1, seatIds: [] }
    const [first, second] = [makeGate(), makeGate()]
    const real = connectPayments(payments.url, 15_000)
    const cutOff = openOrders(scriptPayments(() => first.pass<ChargeOutcome>(() => ({ kind: 'unreachable' }))))
    const connected = openOrders(scriptPayments((request) => second.pass(() => real.charge(request))))
    const lost = cutOff.buy('both', order)
    await first.reach()
    const paid = connected.buy('both', order)
    await second.reach()
    await first.open()
    expect((await lost).status).toBe('payment_unknown')
    await second.open()
    expect(await paid).toMatchObject({ id: (await lost).id, status: 'paid' })
    expect(await countCharges((await paid).id)).toBe(1)
  })
})

function scriptPayments(charge: PaymentsService['charge']): PaymentsService {
  const fail = () => Promise.reject(new Error('not asked here'))
  return { charge, findCharge: fail, refund: fail }
}

/** Holds the one who passes, from when the test knows of it until the test opens. */
function makeGate() {
  const [there, ready] = [createBarrier(2), createBarrier(2)]
  const pass = async <T>(then: () => T | Promise<T>): Promise<T> => {
    await there.arrive()
    await ready.arrive()
    return await then()
  }
  return { pass, reach: there.arrive, open: ready.arrive }
}

/** Passes every request on, and keeps the answers to itself until told to speak. */
async function openSilentProxy(target: string) {
  let isSilent = true
  const server = createAdaptorServer({
    fetch: async (request: Request) => {
      const { pathname, search } = new URL(request.url)
      const body = request.method === 'POST' ? await request.text() : undefined
      const headers = {
        'content-type': 'application/json',
        'idempotency-key': request.headers.get('idempotency-key') ?? '',
      }
      const answer = await fetch(new URL(pathname + search, target), {
        method: request.method,
        headers,
        ...(body !== undefined && { body }),
      })
      const text = await answer.text()
      if (isSilent) await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
      return new Response(text, { status: answer.status })
    },
  }) as Server
  const port = await listen(server, 0, '127.0.0.1')
  return { url: `http://127.0.0.1:${port}`, speak: () => (isSilent = false), close: () => closeServer(server, 200) }
}

async function findClosedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
