import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createPaymentsService } from '../../example/src/modules/payments/service.js'
import { createDials, dialSettings } from '../../example/src/payments/dials.js'
import { createLogger } from '../../example/src/utils/logger.js'
import { openPayments, type PaymentsUnderTest } from './box-office.js'

let payments: PaymentsUnderTest

beforeAll(async () => {
  payments = await openPayments()
})
afterEach(() => payments.turn({}))
afterAll(() => payments?.close())

const body = { reference: 'order-1', cents: 2500, currency: 'EUR' }
const charge = (key?: string, changes = {}) =>
  payments.call('POST', '/charges', { ...body, ...changes }, key === undefined ? {} : { 'idempotency-key': key })
const capture = (key: string, id: string) =>
  payments.call('POST', `/charges/${id}/capture`, undefined, { 'idempotency-key': key })
const voidOf = (paymentKey: string, key = `${paymentKey}/undo`) =>
  payments.call('POST', '/voids', { paymentKey, ...body }, { 'idempotency-key': key })

describe('charges', () => {
  test('the same key gives the same answer, also twenty times at once', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => charge('twins')))
    expect(new Set(replies.map((reply) => reply.body.id)).size).toBe(1)
    expect(replies.every((reply) => reply.status === 201)).toBe(true)
    expect(await payments.db.sql`select id from charges where key = 'twins'`).toHaveLength(1)
    expect((await payments.call('GET', '/charges?key=twins')).body).toEqual(replies[0]?.body)
  })

  test('a declined charge stays declined under its key', async () => {
    await payments.turn({ failShare: 1 })
    expect((await charge('declined')).status).toBe(402)
    await payments.turn({})
    expect((await charge('declined')).status).toBe(402)
    expect((await charge('another')).status).toBe(201)
  })

  test('a key cannot be used for another payment; quoted it is the same key', async () => {
    const { body: charged } = await charge('mine')
    const reply = await charge('mine', { cents: 1 })
    expect([reply.status, reply.body.code]).toEqual([422, 'HF_IDEMPOTENCY_KEY_REUSED'])
    expect((await charge('"mine"')).body).toEqual(charged)
    expect((await payments.call('GET', '/charges?key=mine')).body).toEqual(charged)
    expect((await payments.call('GET', '/charges?key=nobody')).status).toBe(404)
  })

  test('are captured once, and only what was authorised', async () => {
    const { body: charged } = await charge('captured')
    expect(charged.status).toBe('authorised')
    const replies = await Promise.all(Array.from({ length: 10 }, () => capture('c1', charged.id)))
    expect(replies.map(({ status, body }) => `${status} ${body.status}`)).toEqual(Array(10).fill('200 captured'))
    const again = await capture('c2', charged.id)
    expect([again.status, again.body.code]).toEqual([409, 'BOX_PAY_NOT_CAPTURABLE'])
    expect((await capture('c3', crypto.randomUUID())).body.code).toBe('BOX_PAY_CHARGE_NOT_FOUND')
  })

  test('refunds once per charge, and only what was captured', async () => {
    const { body: charged } = await charge('refundable')
    const refund = (key: string) =>
      payments.call('POST', '/refunds', { chargeId: charged.id }, { 'idempotency-key': key })
    expect((await refund('r0')).body.code).toBe('BOX_PAY_NOT_REFUNDABLE')
    await capture('c4', charged.id)
    const replies = await Promise.all(Array.from({ length: 10 }, () => refund('r1')))
    expect(new Set(replies.map((reply) => reply.body.id)).size).toBe(1)
    expect((await refund('r2')).body.code).toBe('BOX_PAY_NOT_REFUNDABLE')
    expect((await payments.call('POST', '/refunds', { chargeId: charged.id })).status).toBe(400)
  })

  test('are taken back by their key, whatever became of them', async () => {
    const authorised = await charge('v1')
    expect((await voidOf('v1')).body.status).toBe('voided')
    expect((await capture('c5', authorised.body.id)).body.code).toBe('BOX_PAY_NOT_CAPTURABLE')
    // It comes when it has been taken back: it is refused, and stays so.
    expect((await voidOf('v2')).body.status).toBe('voided')
    for (const reply of [await charge('v2'), await charge('v2')])
      expect([reply.status, reply.body.code]).toEqual([409, 'BOX_PAY_VOIDED'])
    const { body: captured } = await charge('v3')
    await capture('c6', captured.id)
    expect((await voidOf('v3')).body.status).toBe('refunded')
    expect((await voidOf('v3', 'another')).body.status).toBe('refunded')
    expect(await payments.db.sql`select key from refunds where charge_id = ${captured.id}::uuid`).toEqual([
      { key: 'v3/undo' },
    ])
    await payments.turn({ failShare: 1 })
    await charge('v4')
    expect((await voidOf('v4')).body.status).toBe('declined')
  })

  test('a capture and a void at once: one of them wins, and no money is left', async () => {
    for (let n = 0; n < 5; n++) {
      const { body: charged } = await charge(`race-${n}`)
      const [captured, voided] = await Promise.all([capture(`capture-${n}`, charged.id), voidOf(`race-${n}`)])
      expect([captured.status, voided.body.status]).toEqual(
        captured.status === 200 ? [200, 'refunded'] : [409, 'voided'],
      )
    }
  })

  test('that an earlier attempt is still under way is no refusal of a refund', async () => {
    const body = { status: 409, code: 'HF_IDEMPOTENCY_IN_FLIGHT', retryable: true }
    const answer = async () => ({ kind: 'answered', status: 409, body }) as const
    const logger = createLogger({ name: 'box-office', level: 'silent' })
    const service = createPaymentsService({ client: { post: answer }, logger })
    expect(await service.refund({ key: 'r3', chargeId: '1' })).toEqual({ kind: 'unknown' })
  })
})

describe('dials', () => {
  test('are all off at first and refuse what they do not know', async () => {
    expect(createDials().settings).toEqual({
      slowMs: 0,
      failShare: 0,
      timeoutAfterChargeShare: 0,
      doubleChargeWithoutKey: false,
      seed: 1,
    })
    expect((await payments.call('PUT', '/dials', { failShare: 2 })).body.fields[0]?.path).toBe('failShare')
    expect((await payments.call('PUT', '/dials', { slow: 1 })).status).toBe(422)
    await payments.turn({ slowMs: 7 })
    expect((await payments.call('GET', '/dials')).body.slowMs).toBe(7)
  })

  test('twins at once share one fate, and take none from the charges after them', async () => {
    const settings = { failShare: 0.5, seed: 7 }
    await payments.turn(settings)
    const statuses: number[] = []
    for (const key of ['f1', 'f2', 'f3', 'f4', 'f5', 'f6']) {
      const replies = await Promise.all([charge(key), charge(key), charge(key)])
      statuses.push(...new Set(replies.map((reply) => reply.status)))
    }
    const dials = createDials()
    dials.set(dialSettings.parse(settings))
    expect(statuses).toEqual(Array.from({ length: 6 }, () => (dials.drawFate().isDeclined ? 402 : 201)))
    expect(new Set(statuses).size).toBe(2)
  })

  test('the same seed gives the same fates', () => {
    const draw = (seed: number) => {
      const dials = createDials()
      dials.set(dialSettings.parse({ failShare: 0.3, timeoutAfterChargeShare: 0.2, seed }))
      return Array.from({ length: 500 }, () => dials.drawFate())
    }
    expect(draw(5)).toEqual(draw(5))
    expect(draw(5)).not.toEqual(draw(6))
    const declined = draw(5).filter((fate) => fate.isDeclined).length
    expect(declined).toBeGreaterThan(110)
    expect(declined).toBeLessThan(190)
  })

  test('without a key each attempt charges again, but only when the dial says so', async () => {
    const refused = await charge()
    expect([refused.status, refused.body.code]).toEqual([400, 'HF_IDEMPOTENCY_KEY_MISSING'])
    await payments.turn({ doubleChargeWithoutKey: true })
    await charge(undefined, { reference: 'twice' })
    await charge(undefined, { reference: 'twice' })
    expect(await payments.db.sql`select id from charges where reference = 'twice'`).toHaveLength(2)
  })

  test('timeoutAfterChargeShare charges and does not answer', async () => {
    await payments.turn({ timeoutAfterChargeShare: 1 })
    const lost = fetch(new URL('/charges', payments.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'lost' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(200),
    })
    await expect(lost).rejects.toThrow()
    expect((await payments.call('GET', '/charges?key=lost')).body.status).toBe('authorised')
    // The retry with the same key is answered at once: the fault hits new charges only.
    expect((await charge('lost')).status).toBe(201)
  })

  test('slowMs delays', async () => {
    await payments.turn({ slowMs: 120 })
    const startedAt = performance.now()
    await charge('slow')
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(110)
  })
})
