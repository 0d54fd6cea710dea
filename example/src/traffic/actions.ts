import { z } from 'zod'
import { createRandom, type Random } from '../utils/random.js'
import type { Reply, TrafficClient } from './client.js'
import type { Result } from './recorder.js'
import type { ActionKind, Arrival } from './schedule.js'

const words = ['jazz', 'velvet', 'owls', 'lisbon', 'unplugged', 'theatre', 'foxes', 'folk', 'comedy', 'encore']
const rememberedOrders = 200

const eventPage = z.object({ items: z.array(z.object({ id: z.string() })), next: z.string().nullable() })
const seatMap = z.object({ seats: z.array(z.object({ id: z.string(), isFree: z.boolean() })) })
const created = z.object({ id: z.string() })

/** What the crowd knows: filled from the answers, as people learn from the pages they see. */
export class Crowd {
  readonly #client: TrafficClient
  readonly #customers: string[] = []
  readonly #orders: string[] = []
  #events: string[] = []
  #freeSeats: { eventId: string; seatIds: string[] } | undefined
  #nextPage: string | null = null

  constructor(client: TrafficClient) {
    this.#client = client
  }

  /** Makes customers and reads the first page, before anything is measured. @throws Error when the box office does not answer */
  async prepare(customers: number): Promise<void> {
    await this.#browse()
    if (this.#events.length === 0) throw new Error('GET /events shows no event; is the box office seeded and running?')
    // Unique across runs: the addresses of an earlier run are taken.
    const run = Date.now().toString(36)
    for (let n = 0; n < customers; n++) {
      const reply = await this.#client.post('/customers', {
        email: `${run}-${n}@traffic.example`,
        name: `Visitor ${n}`,
      })
      const customer = created.safeParse(reply.body)
      if (customer.success) this.#customers.push(customer.data.id)
    }
    if (this.#customers.length === 0) throw new Error('POST /customers made no customer.')
  }

  /** Does what an arrival came for. Never throws. */
  async act({ kind, seed }: Pick<Arrival, 'kind' | 'seed'>): Promise<Result> {
    const reply = await this.#send(kind, createRandom(seed))
    if (reply.status === 0 || reply.status >= 500) return 'failed'
    return reply.status >= 400 ? 'refused' : 'ok'
  }

  #send(kind: ActionKind, random: Random): Promise<Reply> {
    const client = this.#client
    if (kind === 'search') return client.get(`/events/search?q=${random.pick(words)}`)
    if (kind === 'seatMap') return this.#readSeats(random.pick(this.#events))
    if (kind === 'buy') return this.#buy(random)
    if (kind === 'cancel') return this.#cancel(random)
    if (kind === 'myOrders') return this.#readOrders(random.pick(this.#customers))
    return this.#browse()
  }

  async #browse(): Promise<Reply> {
    const reply = await this.#client.get(`/events?limit=50${this.#nextPage ? `&after=${this.#nextPage}` : ''}`)
    const page = eventPage.safeParse(reply.body)
    if (page.success && page.data.items.length > 0) {
      this.#events = page.data.items.map((event) => event.id)
      // Back to the start from time to time: people look at the next weeks, not at the whole year.
      this.#nextPage = Number(this.#events[0]) % 5 === 0 ? null : page.data.next
    }
    return reply
  }

  async #readSeats(eventId: string): Promise<Reply> {
    const reply = await this.#client.get(`/events/${eventId}/seats`)
    const map = seatMap.safeParse(reply.body)
    if (map.success) {
      const seatIds = map.data.seats.filter((seat) => seat.isFree).map((seat) => seat.id)
      this.#freeSeats = { eventId, seatIds }
    }
    return reply
  }

  /** Who was a customer before the shop was there reads on in what was ordered then. */
  async #readOrders(customerId: string): Promise<Reply> {
    const reply = await this.#client.get(`/customers/${customerId}/orders`)
    const archive = /<([^>]+)>; rel="archives"/.exec(reply.link ?? '')?.[1]
    return archive === undefined ? reply : this.#client.get(archive)
  }

  /** Seats of the map seen last, which others may have bought since, or standing places. */
  async #buy(random: Random): Promise<Reply> {
    const customerId = random.pick(this.#customers)
    const seats = this.#freeSeats
    const wantsSeats = random.next() < 0.5 && seats !== undefined && seats.seatIds.length >= 2
    const from = wantsSeats ? random.integer(0, seats.seatIds.length - 2) : 0
    const order = wantsSeats
      ? { customerId, eventId: seats.eventId, seatIds: seats.seatIds.slice(from, from + 2) }
      : { customerId, eventId: random.pick(this.#events), standing: random.integer(1, 4) }
    const reply = await this.#client.post('/orders', order)
    const bought = created.safeParse(reply.body)
    if (reply.status === 201 && bought.success) this.#remember(bought.data.id)
    return reply
  }

  async #cancel(random: Random): Promise<Reply> {
    if (this.#orders.length === 0) return this.#browse()
    const [orderId] = this.#orders.splice(random.integer(0, this.#orders.length - 1), 1)
    return this.#client.post(`/orders/${orderId}/cancel`)
  }

  #remember(orderId: string): void {
    this.#orders.push(orderId)
    if (this.#orders.length > rememberedOrders) this.#orders.shift()
  }
}
