import { Hono } from 'hono'
import { setTimeout as delay } from 'node:timers/promises'
import { findIdempotencyKey, readIdempotencyKey } from 'holdfast/idempotency'
import { validate, validateBody } from '../utils/validate.js'
import { dialSettings, type Dials } from './dials.js'
import { chargeParams, findQuery, newCharge, newRefund, newVoid } from './model.js'
import type { PaymentsDeskService } from './service.js'

/** A lost answer is held back this long, or until the caller has given up. @unit ms */
const lostAnswerMs = 60_000

export function createPaymentsRoutes(desk: PaymentsDeskService, dials: Dials): Hono {
  return new Hono()
    .post('/charges', async (c) => {
      const readKey = dials.settings.doubleChargeWithoutKey ? findIdempotencyKey : readIdempotencyKey
      const key = readKey(c.req.raw.headers)
      const input = await validateBody(newCharge, c.req.raw)
      await wait(dials.settings.slowMs, c.req.raw.signal)
      const { charge, isAnswerLost } = await desk.authorise(key, input)
      if (isAnswerLost) await wait(lostAnswerMs, c.req.raw.signal)
      return c.json(charge, charge.status === 'declined' ? 402 : 201)
    })
    .post('/charges/:id/capture', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const { id } = validate(chargeParams, c.req.param())
      await wait(dials.settings.slowMs, c.req.raw.signal)
      const { charge, isAnswerLost } = await desk.capture(key, id)
      if (isAnswerLost) await wait(lostAnswerMs, c.req.raw.signal)
      return c.json(charge)
    })
    .post('/voids', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const payment = await validateBody(newVoid, c.req.raw)
      await wait(dials.settings.slowMs, c.req.raw.signal)
      return c.json(await desk.voidPayment(key, payment))
    })
    .get('/charges', async (c) => c.json(await desk.findByKey(validate(findQuery, c.req.query()).key)))
    .post('/refunds', async (c) => {
      const key = readIdempotencyKey(c.req.raw.headers)
      const { chargeId } = await validateBody(newRefund, c.req.raw)
      await wait(dials.settings.slowMs, c.req.raw.signal)
      return c.json(await desk.refund(key, chargeId), 201)
    })
    .get('/dials', (c) => c.json(dials.settings))
    .put('/dials', async (c) => {
      dials.set(await validateBody(dialSettings, c.req.raw))
      return c.json(dials.settings)
    })
}

/** Ends early when the caller goes away, so that a stopped service has no timer left. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal, ref: false }).catch(() => undefined)
}
