import type { Tx } from 'holdfast'
import { addMoney, createMoney, multiplyMoney, sumMoney } from '../../utils/money.js'
import { requireCustomer } from '../customers/repository.js'
import type { EventOnSale } from '../events/model.js'
import { requireEventOnSale } from '../events/repository.js'
import { holdsOrdered } from '../holds/model.js'
import { describeRefusal, type ConfirmedPlaces, type Places, type Taken } from '../holds/places.js'
import { priceSeat, type SeatPrice } from '../seats/model.js'
import { findSeatPrices } from '../seats/repository.js'
import type { NewOrder, OrderItem, OrderRow } from './model.js'
import { insertItems, insertPendingOrder } from './repository.js'

/**
 * Creates a pending order of the places that are held for it, or throws and leaves nothing behind.
 *
 * Their holds are confirmed here and not when the payment succeeds: from the order's commit on nothing takes its places
 * back but `places.release`, in the transaction that moves it to `payment_failed` or `cancelled`. Payments may leave an
 * outcome open for hours, and no time to hold for would be long enough: a hold that ended before could not be confirmed
 * when the charge turns out to have succeeded, and its places would be sold a second time. So a hold's time covers only
 * the steps before there is an order.
 */
export async function reserveOrder(tx: Tx, places: Places, input: NewOrder, taken: Taken): Promise<OrderRow> {
  const event = await requireEventOnSale(tx, input.eventId)
  await requireCustomer(tx, input.customerId)
  if (taken.refusal !== undefined) throw await describeRefusal(tx, taken.refusal, input.eventId)
  const holdIds = input.holdIds ?? taken.holds.map(({ id }) => id)
  const confirmed = await places.confirm(tx, holdIds, input)
  return await insertPriced(tx, input, event, confirmed)
}

async function insertPriced(
  tx: Tx,
  input: NewOrder,
  event: EventOnSale,
  { seatIds, seatsHoldId, standing, standingHoldId }: ConfirmedPlaces,
): Promise<OrderRow> {
  const seats = await priceSeats(tx, event, seatIds)
  const standingPrice = createMoney(event.standing_price_cents, event.currency)
  const seatsTotal = sumMoney(
    seats.map((seat) => seat.price),
    event.currency,
  )
  const total = addMoney(seatsTotal, multiplyMoney(standingPrice, standing))
  const order = await insertPendingOrder(tx, {
    customer_id: input.customerId,
    event_id: input.eventId,
    standing_quantity: standing,
    total_cents: total.cents,
    currency: total.currency,
    seats_hold_id: seatsHoldId,
    standing_hold_id: standingHoldId,
  })
  // Confirming again is no error: that a hold is in one order only is for the order to see to.
  if (!order) throw holdsOrdered()
  const items: OrderItem[] = seats.map((seat) => ({ seatId: seat.id, quantity: 1, priceCents: seat.price.cents }))
  if (standing > 0) items.push({ seatId: null, quantity: standing, priceCents: standingPrice.cents })
  await insertItems(tx, order.id, items)
  return order
}

async function priceSeats(tx: Tx, event: EventOnSale, seatIds: readonly string[]): Promise<SeatPrice[]> {
  if (seatIds.length === 0) return []
  return (await findSeatPrices(tx, event.id, seatIds)).map((row) => priceSeat(row, event.currency))
}
