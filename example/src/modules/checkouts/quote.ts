import type { Queryable } from 'holdfast'
import { addMoney, createMoney, multiplyMoney, sumMoney, type Money } from '../../utils/money.js'
import type { EventOnSale } from '../events/model.js'
import type { HeldPlaces } from '../holds/places.js'
import type { OrderItem } from '../orders/model.js'
import { priceSeat } from '../seats/model.js'
import { findSeatPrices } from '../seats/repository.js'

/** What a customer is going to pay for. */
export interface Quote extends HeldPlaces {
  items: OrderItem[]
  total: Money
}

/** Prices what is held, once: what is authorised is what the order says. */
export async function quotePlaces(on: Queryable, event: EventOnSale, held: HeldPlaces): Promise<Quote> {
  const { seatIds, standing } = held
  const rows = seatIds.length === 0 ? [] : await findSeatPrices(on, event.id, seatIds)
  const seats = rows.map((row) => priceSeat(row, event.currency))
  const standingPrice = createMoney(event.standing_price_cents, event.currency)
  const seatsTotal = sumMoney(
    seats.map(({ price }) => price),
    event.currency,
  )
  const items: OrderItem[] = seats.map(({ id, price }) => ({ seatId: id, quantity: 1, priceCents: price.cents }))
  if (standing > 0) items.push({ seatId: null, quantity: standing, priceCents: standingPrice.cents })
  return { ...held, items, total: addMoney(seatsTotal, multiplyMoney(standingPrice, standing)) }
}
