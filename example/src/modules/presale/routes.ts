import { Hono } from 'hono'
import { validate, validateBody } from '../../utils/validate.js'
import { passOrder, presaleParams, presaleSettings, redemption, seatParams, seatWish } from './model.js'
import type { Rush } from './rush.js'
import type { PresaleService } from './service.js'

/** Mounted under /presale. Its POSTs take no key: they are the faults that are shown. */
export function createPresaleRoutes(presale: PresaleService, rush: Rush): Hono {
  return new Hono()
    .get('/', async (c) => c.json(await presale.describe()))
    .put('/', async (c) => {
      const { mode } = await validateBody(presaleSettings, c.req.raw)
      const eventIds = await presale.turn(mode)
      rush.begin(eventIds)
      return c.json(await presale.describe())
    })
    .post('/:eventId/passes', async (c) => {
      const { eventId } = validate(presaleParams, c.req.param())
      await presale.buyPasses(eventId, await validateBody(passOrder, c.req.raw))
      return c.json({ status: 'sold' }, 201)
    })
    .post('/promos', async (c) => {
      await presale.redeem(await validateBody(redemption, c.req.raw))
      return c.json({ status: 'redeemed' }, 201)
    })
    .post('/:eventId/seats/:number', async (c) => {
      const { customerId } = await validateBody(seatWish, c.req.raw)
      const { eventId, number } = validate(seatParams, c.req.param())
      await presale.takeSeat(eventId, number, customerId)
      return c.json({ status: 'taken' }, 201)
    })
}
