import type { Random } from '../utils/random.js'

export const actionKinds = ['browse', 'search', 'seatMap', 'buy', 'cancel', 'myOrders'] as const
export type ActionKind = (typeof actionKinds)[number]

/** Shares of the mix, out of 100: many look, some buy, few change their mind. */
const mix: Readonly<Record<ActionKind, number>> = {
  browse: 35,
  search: 15,
  seatMap: 20,
  buy: 17,
  cancel: 3,
  myOrders: 10,
}

export interface Arrival {
  /** When it is due, from the start. @unit ms */
  atMs: number
  kind: ActionKind
  /** Decides the details of the action: the schedule alone fixes what is asked. */
  seed: number
}

export interface ScheduleOptions {
  perSecond: number
  /** 0: without end. */
  seconds: number
  random: Random
}

/**
 * Arrivals of a Poisson process, fixed before anything is sent. An arrival knows nothing of the answers before it: a
 * generator that waits for them sends less to a slow server and so hides how slow it is (coordinated omission).
 */
export function* planArrivals({ perSecond, seconds, random }: ScheduleOptions): Generator<Arrival, void> {
  const endMs = seconds === 0 ? Infinity : seconds * 1_000
  let atMs = 0
  while (true) {
    atMs += (-Math.log(1 - random.next()) / perSecond) * 1_000
    if (atMs >= endMs) return
    yield { atMs, kind: pickKind(random.next() * 100), seed: random.integer(0, 0xffff_ffff) }
  }
}

function pickKind(draw: number): ActionKind {
  let limit = 0
  for (const kind of actionKinds) {
    limit += mix[kind]
    if (draw < limit) return kind
  }
  return 'browse'
}
