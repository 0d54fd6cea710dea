import { isHoldfastError, type Db } from 'holdfast'
import type { Idempotency } from 'holdfast/idempotency'
import type { SagaError, Sagas } from 'holdfast/sagas'
import { randomUUID } from 'node:crypto'
import { requireCustomer } from '../customers/repository.js'
import { requireEventOnSale } from '../events/repository.js'
import { holdsOrdered } from '../holds/model.js'
import { describeRefusal as describeRefusedPlaces, type Places } from '../holds/places.js'
import { viewOrder, type NewOrder } from '../orders/model.js'
import { findOrderOfCheckout, requireOrder } from '../orders/repository.js'
import { checkoutNotFound, describeRefusal, viewCheckout, type Bought, type CheckoutView } from './model.js'
import { claimHolds } from './repository.js'
import type { Checkout } from './saga.js'
import { heldForMs } from './steps.js'

/** Between taking places and the checkout's start: what a process that died in between took comes back after this long. */
const reserveWithinMs = 60_000
/** Places are on sale again by then, as a rule. */
const undoneWithinMs = 1_000

export interface CheckoutsServiceOptions {
  db: Db
  places: Places
  sagas: Sagas
  checkout: Checkout
  idempotency: Idempotency
  /** A buyer waits for so long; then the checkout goes on by itself. Default: 10 000 ms. */
  waitMs?: number
  /** Ends the waiting at once, on shutdown. */
  signal?: AbortSignal
}

export interface CheckoutsService {
  /**
   * Buys: the order, or the checkout that is still under way. The same key again gives the same order: as it is now, refused
   * again when it was refused. @throws BOX_SOLD_OUT, BOX_SEATS_TAKEN, BOX_PAYMENT_DECLINED, HF_IDEMPOTENCY_…, …
   */
  buy(key: string, input: NewOrder): Promise<Bought>
  /** @throws BOX_CHECKOUT_NOT_FOUND */
  getCheckout(id: string): Promise<CheckoutView>
}

export function createCheckoutsService(options: CheckoutsServiceOptions): CheckoutsService {
  const { db, places, sagas, checkout, idempotency, waitMs = 10_000, signal } = options

  async function buy(key: string, input: NewOrder): Promise<Bought> {
    return await waitFor(await begin(key, input))
  }

  /**
   * Once per key. Places are taken before the transaction: those of a sought-after event then cost no buyer the time of
   * another's. Where they are refused the key is asked all the same: it may have a checkout already, whose places were freed
   * since.
   */
  async function begin(key: string, input: NewOrder): Promise<string> {
    const taken = await places.take(input, { route: 'POST /orders', key, ttlMs: reserveWithinMs })
    let isBegun = false
    try {
      const call = { scope: 'POST /orders', principal: `customer:${input.customerId}`, key, input }
      const { value: id, isReplay } = await idempotency.run(call, async (tx) => {
        await requireEventOnSale(tx, input.eventId)
        await requireCustomer(tx, input.customerId)
        if (taken.refusal !== undefined) throw await describeRefusedPlaces(tx, taken.refusal, input.eventId)
        const holdIds = input.holdIds ?? taken.holds.map((hold) => hold.id)
        await places.keep(tx, holdIds, input, heldForMs)
        const id = randomUUID()
        // Two checkouts of one hold: the one that fails would put back what the other sells.
        if (!(await claimHolds(tx, id, holdIds))) throw holdsOrdered()
        const { customerId, eventId } = input
        await sagas.start(tx, checkout, { customerId, eventId, holdIds }, { id })
        return id
      })
      isBegun = !isReplay
      return id
    } finally {
      if (!isBegun) await places.giveBack(taken)
    }
  }

  async function waitFor(id: string): Promise<Bought> {
    try {
      const wait = { waitMs, until: 'decided', ...(signal && { signal: AbortSignal.any([signal]) }) } as const
      const { orderId } = await sagas.result(checkout, id, wait)
      return { order: viewOrder(await requireOrder(db, orderId)) }
    } catch (error) {
      if (isHoldfastError(error, 'HF_SAGAS_UNDOING')) await letUndo(id)
      if (isHoldfastError(error, 'HF_SAGAS_COMPENSATED') || isHoldfastError(error, 'HF_SAGAS_UNDOING'))
        throw describeRefusal(error.details['reason'] as SagaError)
      const isUnderWay = isHoldfastError(error, 'HF_SAGAS_PENDING') || isHoldfastError(error, 'HF_SAGAS_STUCK')
      if (!isUnderWay && signal?.aborted !== true) throw error
      return { checkout: await getCheckout(id) }
    }
  }

  /** Who is refused and orders again finds the places free; but nobody is kept for as long as payments are silent. */
  async function letUndo(id: string): Promise<void> {
    await sagas.result(checkout, id, { waitMs: undoneWithinMs }).catch(() => undefined)
  }

  async function getCheckout(id: string): Promise<CheckoutView> {
    const status = await sagas.get(id)
    if (status?.name !== checkout.name) throw checkoutNotFound(id)
    const order = await findOrderOfCheckout(db, id)
    return viewCheckout(status, order?.id ?? null)
  }

  return { buy, getCheckout }
}
