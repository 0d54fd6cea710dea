/** Of each route: how fast they come is the traffic's affair, and a route that is first called after a day is as cold. */
const FIRST = 10
/** Routes that are told apart, as many as there are series of. */
const MOST_ROUTES = 1_000

const seen = new Map<string, number>()

/** Counts a request that has ended; true for the first ten of its route in this process. */
export function countFirst(route: string): boolean {
  const count = seen.get(route) ?? 0
  if (count >= FIRST) return false
  if (count === 0 && seen.size >= MOST_ROUTES) return false
  seen.set(route, count + 1)
  return true
}
