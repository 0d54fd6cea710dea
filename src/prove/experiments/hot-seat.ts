import { killAll, startPrograms, type Program } from '../program.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const BUYERS = 300
/** When the doors open, all of them are there. */
const PER_SECOND = 1_500
const INSTANCES = 3
const CONNECTIONS = 10
/** Of the buyers so many want a seat of their choice, the others any place. */
const SEAT_SHARE = 0.3
/** Of each kind there is little more than half of what is wanted. */
const PLACES_SHARE = 0.4
const SEATS_SHARE = 0.15
const EVENT = 1
/** Of which there is more than enough. */
const OTHER_EVENT = 2
/** Sales of it at each instance. */
const WARM = 2 * CONNECTIONS

interface Visit {
  wants: 'place' | 'seat'
  told: 'sold' | 'sold out' | 'failed'
}

/** The buyers, and what they were told. */
class Buyers {
  readonly #instances: readonly Program[]
  readonly visits: Visit[]
  retries = 0
  /** `performance.now()` of the last sale of each kind. */
  readonly soldAt = { place: 0, seat: 0 }

  constructor(instances: readonly Program[], wishes: readonly Visit['wants'][]) {
    this.#instances = instances
    this.visits = wishes.map((wants) => ({ wants, told: 'failed' }))
  }

  async come(buyer: number): Promise<void> {
    const visit = this.visits[buyer] as Visit
    const instance = this.#instances[buyer % INSTANCES] as Program
    const answer = await instance.call('buy', { event: EVENT, buyer, wants: visit.wants })
    const { isSold, retries } = answer as { isSold: boolean; retries: number }
    this.retries += retries
    visit.told = isSold ? 'sold' : 'sold out'
    if (isSold) this.soldAt[visit.wants] = performance.now()
  }

  count(told: Visit['told']): number {
    return this.visits.filter((visit) => visit.told === told).length
  }
}

/** Every connection has sold tickets of another event: logins and first calls are not what is compared. */
async function warmUp(instances: readonly Program[], first: number): Promise<void> {
  const wishes = Array.from({ length: WARM }, (_, n): object => ({
    event: OTHER_EVENT,
    buyer: first + n,
    wants: n % 2 === 0 ? 'place' : 'seat',
  }))
  await Promise.all(
    instances.map(async (instance) => {
      await Promise.all(wishes.map(async (wish) => await instance.call('buy', wish).catch(() => {})))
    }),
  )
}

async function openTheDoors(stage: Stage, side: string, amount: number): Promise<Figures> {
  const wishes = Array.from({ length: amount }, () => (stage.random() < SEAT_SHARE ? 'seat' : 'place'))
  const instances = await startPrograms(INSTANCES, {
    name: 'ticket-server',
    options: { url: stage.url, side, connections: CONNECTIONS },
    onCall: () => {},
  })
  try {
    const buyers = new Buyers(instances, wishes)
    await warmUp(instances, amount)
    const openedAt = performance.now()
    const { p50_ms = 0, p99_ms = 0 } = await runRush(
      { ...stage, arrivals: amount, perSecond: PER_SECOND },
      async (buyer) => await buyers.come(buyer),
    )
    await writeDown(stage, buyers)
    return {
      buyers: amount,
      ...(await countOutcome(stage)),
      places_gone_ms: Math.round(buyers.soldAt.place - openedAt),
      seats_gone_ms: Math.round(buyers.soldAt.seat - openedAt),
      p50_ms,
      p99_ms,
      retries: buyers.retries,
      failed: buyers.count('failed'),
    }
  } finally {
    await killAll(instances)
  }
}

async function writeDown({ db }: Stage, { visits }: Buyers): Promise<void> {
  const [wants, told] = [visits.map((visit) => visit.wants), visits.map((visit) => visit.told)]
  await db.sql`insert into answer
    select n - 1, wants, told from unnest(${wants}::text[], ${told}::text[]) with ordinality a (wants, told, n)`
}

/** More orders than there are places, and of a seat more than one. */
async function countOutcome({ db }: Stage): Promise<Figures> {
  const [row] = await db.sql<Figures>`
    select count(o.id)::int as sold,
           (greatest(0, count(o.id) - count(o.seat_id) - e.places) + count(o.seat_id) - count(distinct o.seat_id))::int as oversold,
           (e.places_left + (select count(*) from seat s where s.event_id = e.id and taken_by is null))::int as unsold
      from event e left join orders o on o.event_id = e.id where e.id = ${EVENT} group by e.id`
  return { ...row }
}

const describeSides = (buyers: number): Side[] =>
  [
    { name: 'naive', what: 'select what is left, decide, write it back, insert the order' },
    { name: 'FOR UPDATE', what: 'the same in a transaction, with the row locked before it is read' },
    { name: 'serializable', what: 'the same in serializable transactions, each up to twenty times' },
    { name: 'one statement', what: 'a conditional update whose row the order is inserted from' },
    { name: 'protected', what: 'holds.hold on these tables, then holds.confirm in the transaction of the order' },
  ].map(({ name, what }) => ({ name, what, run: async (stage) => await openTheDoors(stage, name, buyers) }))

/** With fewer buyers for tests. */
export const createHotSeat = (buyers = BUYERS): Experiment => {
  const [places, seats] = [Math.floor(buyers * PLACES_SHARE), Math.floor(buyers * SEATS_SHARE)]
  return {
    name: 'hot-seat',
    story: `When the doors opened, ${buyers} people wanted ${places} places and ${seats} seats within a moment. Some seats have two owners now, and there are more tickets than places.`,
    scratch: 'database',
    setup: `
      create table event (id int primary key, places int not null, places_left int not null);
      insert into event values (${EVENT}, ${places}, ${places}), (${OTHER_EVENT}, 1000000, 1000000);
      create table seat (id bigint primary key, event_id int not null, taken_by bigint);
      create index on seat (event_id, id) where taken_by is null;
      insert into seat select n, case when n <= ${seats} then ${EVENT} else ${OTHER_EVENT} end
        from generate_series(1, ${seats + 2 * WARM * INSTANCES}) n;
      create table orders (id bigint generated always as identity primary key, event_id int not null, buyer int not null, seat_id bigint);
      create table answer (buyer int primary key, wants text not null, told text not null);
      analyze event, seat;`,
    invariants: [
      {
        name: 'never oversold: no more orders than places, one order a seat',
        sql: `select e.id as event, 'places' as what, count(*) as orders, e.places as there
                from event e join orders o on o.event_id = e.id where o.seat_id is null group by e.id having count(*) > e.places
              union all
              select event_id, 'seat ' || seat_id, count(*), 1
                from orders where seat_id is not null group by event_id, seat_id having count(*) > 1`,
      },
      {
        name: 'orders and what was taken add up',
        sql: `select * from (
                select e.id as event, e.places - e.places_left as places_taken, count(o.id) - count(o.seat_id) as orders,
                       (select count(*) from seat s where s.event_id = e.id and taken_by is not null) as seats_taken,
                       count(o.seat_id) as orders_of_seats
                  from event e left join orders o on o.event_id = e.id group by e.id) taken
               where places_taken <> orders or seats_taken <> orders_of_seats`,
      },
      {
        name: 'whoever was told so has an order, and nobody else',
        sql: `select told, count(*) as buyers from (
                select a.told, count(o.id) as orders from answer a left join orders o using (buyer) group by a.buyer) answered
               where told <> 'failed' and orders <> (told = 'sold')::int group by told`,
      },
      {
        name: 'nobody is sent home while something is left',
        sql: `select wants, free as left_over, count(*) as sent_home
                from answer join (select 'place' as wants, places_left as free from event where id = ${EVENT}
                  union all select 'seat', count(*) from seat where event_id = ${EVENT} and taken_by is null) there using (wants)
               where told <> 'sold' and free > 0 group by wants, free`,
      },
    ],
    sides: describeSides(buyers),
    conclude: (figures) => {
      const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
      const gone = (side: string) => `${read(side, 'places_gone_ms')} and ${read(side, 'seats_gone_ms')} ms`
      return (
        `${places} places and ${seats} seats for ${buyers} buyers: naive sold ${read('naive', 'oversold')} too many. On the other ` +
        `sides none was sold twice; the places and the seats were gone after ${gone('FOR UPDATE')} with FOR UPDATE, ` +
        `${gone('serializable')} with serializable transactions that were tried again, ${gone('one statement')} with one ` +
        `statement and ${gone('protected')} with protected. One statement has one commit less, and nobody can pay between ` +
        `taking and ordering; a hold is kept while they do.`
      )
    },
  }
}

export const hotSeat = createHotSeat()
