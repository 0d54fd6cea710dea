import type { Tx } from 'holdfast'
import type { DomainEvents } from '../../utils/domain-events.js'
import { requireEventForOrder, requireEventOnSale } from '../events/repository.js'
import type { Places } from '../holds/places.js'
import { insertItems, insertPendingOrder, moveOrder, requireOrder } from '../orders/repository.js'
import type { CheckoutInput } from './model.js'
import { quotePlaces, type Quote } from './quote.js'

/** A checkout that takes longer is undone. */
export const checkoutWithinMs = 600_000
/** Longer than that: places do not go to somebody else while their payment is under way. */
export const heldForMs = checkoutWithinMs + 300_000

export interface StepsOptions {
  places: Places
  events: DomainEvents
}

/** What the steps of a checkout do in the database, and what takes it back. Each runs in the transaction of its step. */
export function createCheckoutSteps({ places, events }: StepsOptions) {
  async function keepPlaces(tx: Tx, input: CheckoutInput): Promise<Quote> {
    const event = await requireEventOnSale(tx, input.eventId)
    return await quotePlaces(tx, event, await places.keep(tx, input.holdIds, input, heldForMs))
  }

  async function putPlacesBack(tx: Tx, { holdIds, customerId }: CheckoutInput): Promise<void> {
    await places.putBack(tx, holdIds, customerId)
  }

  async function createOrder(
    tx: Tx,
    checkoutId: string,
    { customerId, eventId }: CheckoutInput,
    { quote, chargeId }: { quote: Quote; chargeId: string },
  ): Promise<string> {
    await requireEventForOrder(tx, eventId)
    const { id } = await insertPendingOrder(tx, {
      customer_id: customerId,
      event_id: eventId,
      standing_quantity: quote.standing,
      total_cents: quote.total.cents,
      currency: quote.total.currency,
      charge_id: chargeId,
      seats_hold_id: quote.seatsHoldId,
      standing_hold_id: quote.standingHoldId,
      checkout_id: checkoutId,
    })
    await insertItems(tx, id, quote.items)
    events.publish(tx, { type: 'order.created', orderId: id })
    return id
  }

  async function failOrder(tx: Tx, orderId: string): Promise<void> {
    // Cancelled by its customer meanwhile: that is how it ends.
    if (!(await moveOrder(tx, orderId, { from: ['pending'], to: 'payment_failed' }))) return
    events.publish(tx, { type: 'order.payment_failed', orderId })
  }

  /** The places become the order's, for good, in the commit that says that it is paid. */
  async function confirmOrder(tx: Tx, orderId: string, { holdIds, customerId }: CheckoutInput): Promise<void> {
    await places.confirm(tx, holdIds, customerId)
    const moved = await moveOrder(tx, orderId, { from: ['pending'], to: 'paid', set: { paid_at: new Date() } })
    if (!moved) throw new Error(`Order ${orderId} is ${(await requireOrder(tx, orderId)).status}, and not pending.`)
    events.publish(tx, { type: 'order.paid', orderId })
  }

  async function reopenOrder(tx: Tx, orderId: string): Promise<void> {
    const moved = await moveOrder(tx, orderId, { from: ['paid'], to: 'pending' })
    if (moved) await places.release(tx, moved)
  }

  return { keepPlaces, putPlacesBack, createOrder, failOrder, confirmOrder, reopenOrder }
}
