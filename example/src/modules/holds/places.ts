import { isHoldfastError, type Queryable, type Tx } from 'holdfast'
import type { Hold, Holds } from 'holdfast/holds'
import { createHash } from 'node:crypto'
import type { Logger } from '../../utils/logger.js'
import type { OrderRow } from '../orders/model.js'
import { returnStanding } from '../events/repository.js'
import { seatsTaken, seatsUnknown } from '../seats/model.js'
import { countSeatsLeft, findSeatPrices, releaseUnheldSeats } from '../seats/repository.js'
import { holdsOrdered, holdsUnfit, numberedSeats, soldOut, standingPlaces } from './model.js'

export interface WantedPlaces {
  customerId: string
  eventId: string
  standing: number
  seatIds: readonly string[]
}

/** What makes two requests one: they find the same holds. */
export interface Intent {
  route: string
  key: string
  ttlMs: number
}

export interface Taken {
  owner: string
  /** Empty where it was refused. */
  holds: readonly Hold[]
  refusal?: unknown
}

/** One hold of seats and one of standing places at most, of one event. */
export interface HeldPlaces {
  seatsHoldId: string | null
  seatIds: readonly string[]
  standingHoldId: string | null
  standing: number
}

export interface Places {
  /** Takes all of them or none, at once and for everybody. Does not throw: whether a refusal is the answer depends on what the key was answered before. */
  take(wanted: WantedPlaces, intent: Intent): Promise<Taken>
  /** Puts back what was taken for nothing. What is in an order by now stays there. */
  giveBack(taken: Taken): Promise<void>
  /** They are held for so long, and tells what they are. @throws BOX_HOLDS_UNFIT, BOX_HOLDS_ORDERED, HF_HOLDS_GONE, HF_HOLDS_NOT_YOURS */
  keep(
    tx: Tx,
    holdIds: readonly string[],
    whose: { customerId: string; eventId: string },
    ttlMs: number,
  ): Promise<HeldPlaces>
  /** From the commit on nothing takes them back. @throws HF_HOLDS_GONE, HF_HOLDS_NOT_YOURS */
  confirm(tx: Tx, holdIds: readonly string[], customerId: string): Promise<void>
  /** Puts back what was held and not sold. What is gone is no error. */
  putBack(tx: Tx, holdIds: readonly string[], customerId: string): Promise<void>
  /** Puts back what a customer has not ordered; gives how many holds that were. @throws BOX_HOLDS_ORDERED, HF_HOLDS_NOT_YOURS */
  drop(holdId: string, customerId: string): Promise<number>
  /** Puts the places of an order back on sale. Call it only after `moveOrder` said that this step is yours. */
  release(tx: Tx, order: OrderRow): Promise<void>
}

export function createPlaces({ holds, logger }: { holds: Holds; logger: Logger }): Places {
  async function take(wanted: WantedPlaces, { route, key, ttlMs }: Intent): Promise<Taken> {
    const { customerId, eventId, seatIds, standing } = wanted
    const owner = ownerOf(customerId)
    const options = { owner, ttlMs, key: deriveKey(route, customerId, key) }
    const taken: Hold[] = []
    try {
      if (seatIds.length > 0) taken.push(await holds.hold(numberedSeats, eventId, { units: seatIds }, options))
      if (standing > 0) taken.push(await holds.hold(standingPlaces, eventId, { quantity: standing }, options))
      return { owner, holds: taken }
    } catch (refusal) {
      await giveBack({ owner, holds: taken })
      return { owner, holds: [], refusal }
    }
  }

  async function giveBack({ owner, holds: taken }: Taken): Promise<void> {
    // Not those of a twin under the same key, which may be about to order them.
    const ids = taken.filter(({ isNew }) => isNew).map(({ id }) => id)
    if (ids.length === 0) return
    try {
      await holds.release(ids, { owner })
    } catch (error) {
      // Confirmed: whoever had the same key ordered them, or the commit of this one was not heard of.
      if (isHoldfastError(error, 'HF_HOLDS_CONFIRMED')) return
      logger.warn({ err: error }, 'places were not given back; they come back by themselves')
    }
  }

  async function keep(
    tx: Tx,
    holdIds: readonly string[],
    { customerId, eventId }: { customerId: string; eventId: string },
    ttlMs: number,
  ): Promise<HeldPlaces> {
    const held = await holds.extend(tx, holdIds, { owner: ownerOf(customerId), ttlMs })
    const seats = held.find(({ from }) => from === numberedSeats.name)
    const standing = held.find(({ from }) => from === standingPlaces.name)
    if (held.some((hold) => hold.resource !== eventId || (hold !== seats && hold !== standing)))
      throw holdsUnfit(eventId)
    if (held.some(({ isConfirmed }) => isConfirmed)) throw holdsOrdered()
    return {
      seatsHoldId: seats?.id ?? null,
      seatIds: seats?.units ?? [],
      standingHoldId: standing?.id ?? null,
      standing: standing?.quantity ?? 0,
    }
  }

  async function confirm(tx: Tx, holdIds: readonly string[], customerId: string): Promise<void> {
    await holds.confirm(tx, holdIds, { owner: ownerOf(customerId) })
  }

  async function putBack(tx: Tx, holdIds: readonly string[], customerId: string): Promise<void> {
    await holds.release(tx, holdIds, { owner: ownerOf(customerId) })
  }

  async function drop(holdId: string, customerId: string): Promise<number> {
    try {
      return await holds.release(holdId, { owner: ownerOf(customerId) })
    } catch (error) {
      throw isHoldfastError(error, 'HF_HOLDS_CONFIRMED') ? holdsOrdered() : error
    }
  }

  async function release(tx: Tx, order: OrderRow): Promise<void> {
    const ids = [order.seats_hold_id, order.standing_hold_id].filter((id) => id !== null)
    if (ids.length === 0) return await releaseUnheld(tx, order)
    await holds.release(tx, ids, { owner: ownerOf(order.customer_id), confirmed: true })
  }

  return { take, giveBack, keep, confirm, putBack, drop, release }
}

/** The one place where a refusal of holds becomes one of the box office; other errors are as they were. */
export async function describeRefusal(on: Queryable, error: unknown, eventId: string): Promise<unknown> {
  if (!isHoldfastError(error)) return error
  const { code, details } = error
  if (code === 'HF_HOLDS_SOLD_OUT') return soldOut(Number(details['wanted']), Number(details['left']))
  if (code === 'HF_HOLDS_TAKEN') return await describeTaken(on, eventId, details['units'] as string[])
  return error
}

async function describeTaken(on: Queryable, eventId: string, seatIds: readonly string[]) {
  const known = new Set((await findSeatPrices(on, eventId, seatIds)).map((row) => row.id))
  const unknown = seatIds.filter((id) => !known.has(id))
  if (unknown.length > 0) return seatsUnknown(eventId, unknown)
  return seatsTaken(seatIds, await countSeatsLeft(on, eventId))
}

/** An order from before there were holds (see migration 0006). */
async function releaseUnheld(tx: Tx, order: OrderRow): Promise<void> {
  await releaseUnheldSeats(tx, order.event_id, order.id)
  if (order.standing_quantity > 0) await returnStanding(tx, order.event_id, order.standing_quantity)
}

const ownerOf = (customerId: string): string => `customer:${customerId}`

/** A digest: a hold's key is shorter than what a client may send, and two customers may draw the same. */
function deriveKey(route: string, customerId: string, key: string): string {
  return createHash('sha256')
    .update(JSON.stringify([route, customerId, key]))
    .digest('hex')
}
