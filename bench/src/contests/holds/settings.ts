// What the subjects are given; the document of the contest holds it.

export const PROCESSES = 4
/** At once in each process; each comes again as soon as it is answered. */
export const BUYERS = 50
/** The row that all of them want, and the event of which each wants a seat. */
export const STOCK = '7'
export const EVENT = '7'

/** The sizes among which the part `pools` looks for the best. */
export const poolSizes = [1, 2, 4, 10, 20] as const

/** A way to sell without holds. `poolMax`: connections of each process, as many as were best in the part `pools`. */
export interface Strategy {
  name: string
  module: string
  poolMax: number
}

export const stockStrategies: readonly Strategy[] = [
  { name: 'UPDATE and INSERT in a statement', module: 'holds-one-statement', poolMax: 1 },
  { name: 'UPDATE, INSERT in a transaction', module: 'holds-update-insert', poolMax: 1 },
  { name: 'SELECT FOR UPDATE', module: 'holds-for-update', poolMax: 4 },
  { name: 'advisory lock', module: 'holds-advisory-lock', poolMax: 2 },
]

export const seatStrategies: readonly Strategy[] = [
  { name: 'SKIP LOCKED', module: 'holds-skip-locked', poolMax: 10 },
  { name: 'SKIP LOCKED, ordered', module: 'holds-skip-locked-ordered', poolMax: 4 },
]

/** holdfast has one statement of a resource under way: the rest of its default pool lies idle here. */
export const holdfastPoolMax = 10

/** Requests under way at once, and as many connections of the service that answers them: each waits for the network alone. */
export const HTTP_CLIENTS = 8
/** So many that CPU counts and not the network. */
export const MANY_HTTP_CLIENTS = 32
export const RTT_MS = 1

/** What a process of a team may open: `poolMax` of its strategy. */
export function readPoolMax(): number {
  return Number(process.env['HOLDFAST_BENCH_POOL'])
}

const poolsOf = (strategies: readonly Strategy[]) =>
  Object.fromEntries([['holdfast', holdfastPoolMax], ...strategies.map(({ name, poolMax }) => [name, poolMax])])

export const settings = {
  buyers: { processes: PROCESSES, ofEach: BUYERS },
  hot: { poolMax: poolsOf(stockStrategies) },
  seats: { poolMax: poolsOf(seatStrategies) },
  idempotent: { clients: HTTP_CLIENTS, manyClients: MANY_HTTP_CLIENTS, rttMs: RTT_MS },
}
