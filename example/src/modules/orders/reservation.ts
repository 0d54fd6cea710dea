import type { Tx } from 'holdfast'
import { addMoney, createMoney, multiplyMoney, sumMoney } from '../../utils/money.js'
import { customerNotFound } from '../customers/model.js'
import { findCustomer } from '../customers/repository.js'
import { eventNotFound, eventStarted, type EventOnSale } from '../events/model.js'
import { countStandingLeft, findEventOnSale, returnStanding, takeStanding } from '../events/repository.js'
import { priceSeat, seatsTaken, seatsUnknown, type SeatPrice } from '../seats/model.js'
import { countSeatsLeft, findSeatPrices, findTakenSeats, releaseSeats, takeSeats } from '../seats/repository.js'
import { soldOut, type NewOrder, type OrderItem, type OrderRow } from './model.js'
import { insertItems, insertPendingOrder } from './repository.js'

/**
 * Creates a pending order and takes its places, or throws and leaves nothing behind. The contended rows come last, so
 * that their locks are held for the shortest time: the other buyers of a hot event queue for exactly this long.
 */
export async function reserveOrder(tx: Tx, input: NewOrder): Promise<OrderRow> {
  const event = await requireEventOnSale(tx, input.eventId)
  if (!(await findCustomer(tx, input.customerId))) throw customerNotFound(input.customerId)
  const seats = await priceSeats(tx, event, input.seatIds)
  const order = await insertPriced(tx, input, event, seats)
  await takeSeatsOrThrow(tx, input, order.id)
  await takeStandingOrThrow(tx, input)
  return order
}

/** Puts the places of an order back on sale. Call it only after `moveOrder` said that this step is yours. */
export async function releasePlaces(tx: Tx, order: OrderRow): Promise<void> {
  await releaseSeats(tx, order.id)
  if (order.standing_quantity > 0) await returnStanding(tx, order.event_id, order.standing_quantity)
}

async function requireEventOnSale(tx: Tx, eventId: string): Promise<EventOnSale> {
  const event = await findEventOnSale(tx, eventId)
  if (!event) throw eventNotFound(eventId)
  if (event.starts_at.getTime() <= Date.now()) throw eventStarted(eventId)
  return event
}

async function priceSeats(tx: Tx, event: EventOnSale, seatIds: readonly string[]): Promise<SeatPrice[]> {
  if (seatIds.length === 0) return []
  const rows = await findSeatPrices(tx, event.id, seatIds)
  const known = new Set(rows.map((row) => row.id))
  const unknown = seatIds.filter((id) => !known.has(id))
  if (unknown.length > 0) throw seatsUnknown(event.id, unknown)
  return rows.map((row) => priceSeat(row, event.currency))
}

async function insertPriced(tx: Tx, input: NewOrder, event: EventOnSale, seats: SeatPrice[]): Promise<OrderRow> {
  const standingPrice = createMoney(event.standing_price_cents, event.currency)
  const seatsTotal = sumMoney(
    seats.map((seat) => seat.price),
    event.currency,
  )
  const total = addMoney(seatsTotal, multiplyMoney(standingPrice, input.standing))
  const order = await insertPendingOrder(tx, {
    customer_id: input.customerId,
    event_id: input.eventId,
    standing_quantity: input.standing,
    total_cents: total.cents,
    currency: total.currency,
  })
  const items: OrderItem[] = seats.map((seat) => ({ seatId: seat.id, quantity: 1, priceCents: seat.price.cents }))
  if (input.standing > 0) items.push({ seatId: null, quantity: input.standing, priceCents: standingPrice.cents })
  await insertItems(tx, order.id, items)
  return order
}

async function takeSeatsOrThrow(tx: Tx, { eventId, seatIds }: NewOrder, orderId: string): Promise<void> {
  if (seatIds.length === 0 || (await takeSeats(tx, seatIds, orderId))) return
  throw seatsTaken(await findTakenSeats(tx, seatIds), await countSeatsLeft(tx, eventId))
}

async function takeStandingOrThrow(tx: Tx, { eventId, standing }: NewOrder): Promise<void> {
  if (standing === 0 || (await takeStanding(tx, eventId, standing)) !== undefined) return
  throw soldOut(standing, await countStandingLeft(tx, eventId))
}
