import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeServer, listen } from '../../example/src/utils/listen.js'
import { createBarrier } from '../helpers/barrier.js'
import { eventually } from '../helpers/eventually.js'
import {
  addCustomer,
  addEvent,
  checkStock,
  openBoxOffice,
  openPayments,
  openTwin,
  withKey,
  type BoxOfficeUnderTest,
  type PaymentsUnderTest,
} from './box-office.js'

// Checkouts over a network that fails, at each of its calls. Payments are behind a proxy that a test can rule.

let payments: PaymentsUnderTest
let proxy: Proxy
let box: BoxOfficeUnderTest
let customerId: string

beforeAll(async () => {
  payments = await openPayments()
})
beforeEach(async () => {
  proxy = await openProxy(payments.url)
  box = await openBoxOffice(proxy.url, { timeoutMs: 400 })
  customerId = await addCustomer(box)
})
afterEach(async () => {
  await checkStock(box.db)
  await payments.turn({})
  await box.close()
  await proxy.close()
})
afterAll(async () => {
  await payments.close()
})

const buy = (eventId: string, order: object = { standing: 1 }, key?: string) =>
  box.call('POST', '/orders', { customerId, eventId, ...order }, withKey(key))
const countLeft = async (eventId: string) => (await box.call('GET', `/events/${eventId}`)).body.standing.remaining
const findOrders = (eventId: string) => box.db.sql`select status from orders where event_id = ${eventId}`
/** What became of each payment of an event's checkouts: `captured`, `refunded`, … */
async function findPayments(): Promise<string[]> {
  const checkouts = await box.db.sql<{ id: string }>`select checkout_id as id from checkout_holds`
  const references = checkouts.map(({ id }) => `checkout-${id}`)
  const rows = await payments.db.sql<{ became: string }>`
    select case when refunds.id is null then status else 'refunded' end as became
      from charges left join refunds on charge_id = charges.id where reference = any(${references}::text[])`
  return rows.map(({ became }) => became)
}
const waitForEnd = (state: string) =>
  eventually(
    async () => {
      const [checkout] = await box.db.sql<{ id: string }>`select checkout_id as id from checkout_holds`
      expect((await box.sagas.sagas.get(checkout?.id ?? ''))?.state).toBe(state)
    },
    { withinMs: 20_000 },
  )

test('the answers to a charge and to its capture are lost: it is asked again, and charged once', async () => {
  const { eventId } = await addEvent(box.db)
  await payments.turn({ timeoutAfterChargeShare: 1 })
  const reply = await buy(eventId)
  expect([reply.status, reply.body.status]).toEqual([201, 'paid'])
  expect(await findPayments()).toEqual(['captured'])
})

test('payments that cannot be reached charge nothing; the places are back when they can', async () => {
  const { eventId } = await addEvent(box.db, { standing: 1 })
  await proxy.close()
  const reply = await buy(eventId)
  expect([reply.status, reply.body.code]).toEqual([503, 'BOX_PAYMENTS_UNREACHABLE'])
  // An attempt may have got through: until payments have said that they take it back, nobody sells these places.
  expect(await countLeft(eventId)).toBe(0)
  expect(await findOrders(eventId)).toEqual([])
  proxy = await openProxy(payments.url, proxy.port)
  await waitForEnd('compensated')
  expect(await countLeft(eventId)).toBe(1)
  expect(await findPayments()).toEqual(['voided'])
})

test('payments that are silent are told to take it back until they say so', async () => {
  const { eventId } = await addEvent(box.db, { standing: 5 })
  proxy.rules.answer = async (_, signal) => await untilAborted(signal)
  const reply = await buy(eventId, { standing: 5 }, 'silent')
  expect([reply.status, reply.body.code]).toEqual([503, 'BOX_PAYMENTS_SILENT'])
  expect(await countLeft(eventId)).toBe(0)
  await checkStock(box.db)
  proxy.rules.answer = undefined
  await waitForEnd('compensated')
  expect([await countLeft(eventId), await findPayments()]).toEqual([5, ['voided']])
  expect((await buy(eventId, { standing: 5 }, 'silent')).body.code).toBe('BOX_PAYMENTS_SILENT')
})

test('a capture that takes longer than the buyer waits goes on, also in another process', async () => {
  const impatient = await openTwin(box, proxy.url, { timeoutMs: 400, buyerWaitsMs: 500 })
  await box.sagaWorker.stop()
  const { eventId } = await addEvent(box.db)
  proxy.rules.answer = async (path, signal) => (path.endsWith('/capture') ? await untilAborted(signal) : undefined)
  const order = { customerId, eventId, standing: 2 }
  const reply = await impatient.call('POST', '/orders', order, withKey('slow'))
  expect(reply.status).toBe(202)
  const path = reply.headers.get('location') ?? ''
  const orderId = await eventually(async () => {
    const { body } = await box.call('GET', path)
    expect(body.orderId).toMatch(/^\d+$/)
    return body.orderId
  })
  expect((await box.call('GET', `/orders/${orderId}`)).body.status).toBe('pending')
  await checkStock(box.db)
  await impatient.sagaWorker.stop()
  proxy.rules.answer = undefined
  await box.sagas.sagas.work()
  await waitForEnd('done')
  expect((await box.call('GET', path)).body).toMatchObject({ status: 'done', orderId, refusal: null })
  const again = await impatient.call('POST', '/orders', order, withKey('slow'))
  expect([again.status, again.body.id, again.body.status]).toEqual([201, orderId, 'paid'])
  expect(await findPayments()).toEqual(['captured'])
  await impatient.close()
})

test('a capture that is refused undoes the order, and the charge is voided', async () => {
  const { eventId } = await addEvent(box.db, { standing: 1 })
  proxy.rules.before = async (path) => {
    if (path.endsWith('/capture'))
      return Response.json({ code: 'BOX_PAY_NOT_CAPTURABLE', retryable: false }, { status: 409 })
    return undefined
  }
  const reply = await buy(eventId)
  expect([reply.status, reply.body.code]).toEqual([502, 'BOX_PAYMENTS_REFUSED'])
  expect(await findOrders(eventId)).toEqual([{ status: 'payment_failed' }])
  expect([await countLeft(eventId), await findPayments()]).toEqual([1, ['voided']])
})

test('places that are gone when the money has come: it is given back', async () => {
  const { eventId } = await addEvent(box.db, { standing: 1 })
  proxy.rules.answer = async (path) => {
    if (!path.endsWith('/capture')) return
    await box.db
      .sql`update holdfast.holds_taken set expires_at = now() - interval '1 second' where resource = ${eventId}`
    await box.holds.sweep()
  }
  const reply = await buy(eventId)
  expect([reply.status, reply.body.code]).toEqual([503, 'BOX_CHECKOUT_FAILED'])
  expect(await findOrders(eventId)).toEqual([{ status: 'payment_failed' }])
  expect([await countLeft(eventId), await findPayments()]).toEqual([1, ['refunded']])
})

test('an event that is cancelled while a payment is under way takes no order, and gives the money back', async () => {
  const { eventId } = await addEvent(box.db, { standing: 1 })
  const [there, ready] = [createBarrier(2), createBarrier(2)]
  proxy.rules.answer = async (path) => {
    if (path !== '/charges') return
    await there.arrive()
    await ready.arrive()
  }
  const bought = buy(eventId)
  await there.arrive()
  await box.call('POST', `/events/${eventId}/cancel`)
  await eventually(async () =>
    expect((await box.call('GET', `/events/${eventId}/cancellation`)).body.status).toBe('done'),
  )
  await ready.arrive()
  const { status, body } = await bought
  expect([status, body.code]).toEqual([409, 'BOX_EVENT_CANCELLED'])
  expect([await countLeft(eventId), await findPayments()]).toEqual([1, ['voided']])
})

test('of two checkouts of one hold the one that fails does not put back what the other sells', async () => {
  const { eventId, seatIds } = await addEvent(box.db, { standing: 2, seats: 1 })
  const held = await box.call('POST', `/events/${eventId}/holds`, { customerId, standing: 2, seatIds })
  const [one, both] = [held.body.holdIds.slice(0, 1), held.body.holdIds]
  const replies = await Promise.all([buy(eventId, { holdIds: both }), buy(eventId, { holdIds: one })])
  expect(replies.map(({ status }) => status).toSorted()).toEqual([201, 409])
  expect(replies.map(({ body }) => body.code)).toContain('BOX_HOLDS_ORDERED')
  expect(await findPayments()).toEqual(['captured'])
})

test('a checkout that is not there', async () => {
  expect((await box.call('GET', `/checkouts/${crypto.randomUUID()}`)).body.code).toBe('BOX_CHECKOUT_NOT_FOUND')
  expect((await box.call('GET', '/checkouts/1')).status).toBe(422)
  const { eventId } = await addEvent(box.db)
  await box.call('POST', `/events/${eventId}/cancel`)
  expect((await box.call('GET', `/checkouts/event:${eventId}:cancel`)).status).toBe(422)
})

interface Proxy {
  url: string
  port: number
  rules: {
    /** Answers in place of payments. */
    before?: ((path: string) => Promise<Response | undefined>) | undefined
    /** Runs when payments have answered, and before the caller gets to hear it. */
    answer?: ((path: string, signal: AbortSignal) => Promise<void>) | undefined
  }
  close(): Promise<void>
}

async function openProxy(target: string, port = 0): Promise<Proxy> {
  const rules: Proxy['rules'] = {}
  const server = createAdaptorServer({
    fetch: async (request: Request) => {
      const { pathname } = new URL(request.url)
      const own = await rules.before?.(pathname)
      if (own) return own
      const { method, headers } = request
      const answer = await fetch(new URL(pathname, target), { method, headers, body: await request.text() })
      const text = await answer.text()
      await rules.answer?.(pathname, request.signal)
      return new Response(text, { status: answer.status })
    },
  }) as Server
  const own = await listen(server, port, '127.0.0.1')
  return { url: `http://127.0.0.1:${own}`, port: own, rules, close: async () => await closeServer(server, 200) }
}

const untilAborted = async (signal: AbortSignal): Promise<void> =>
  await new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
