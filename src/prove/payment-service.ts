import { setTimeout as sleep } from 'node:timers/promises'
import { connectTo, type Db, type Tx } from '../core/index.js'
import { createIdempotency, type Idempotency } from '../idempotency/index.js'

export const PRICE_CENTS = 2_500
/** Longer than any caller of the experiments waits. */
export const LATE_MS = 600

/** `late`: it happens when the caller has given up, once. `silent`: it happens, and no answer is ever there in time. */
type Manner = 'prompt' | 'declined' | 'late' | 'silent'

/** The same for every side: of ten orders one is declined and one late, of twenty one has no answer. */
export function decideManner(order: number): Manner {
  if (order % 10 === 3) return 'declined'
  if (order % 10 === 6) return 'late'
  return order % 20 === 9 ? 'silent' : 'prompt'
}

interface Charge {
  order: number
  /** Where it comes with one, the same key is charged once. */
  key?: string | undefined
}

/** A service of somebody else, with a database of its own. It stays alive; it knows idempotency keys, for those who send them. */
export class PaymentService {
  readonly url: string
  readonly #db: Db
  readonly #idempotency: Idempotency
  readonly #late = new Set<number>()

  private constructor(url: string, db: Db) {
    this.url = url
    this.#db = db
    this.#idempotency = createIdempotency(db)
  }

  static async open(url: string): Promise<PaymentService> {
    const db = await connectTo({ url, pool: { max: 20 } })
    await db.query(`
      create table charge (id bigint generated always as identity primary key, order_id int not null, cents int not null,
        is_refunded boolean not null default false);
      create index on charge (order_id);`)
    return new PaymentService(url, db)
  }

  /** @throws what the caller is told: it was declined. */
  async charge({ order, key }: Charge): Promise<void> {
    const manner = decideManner(order)
    if (manner === 'declined') throw new Error('declined')
    if (manner === 'late' && !this.#late.has(order)) {
      this.#late.add(order)
      await sleep(LATE_MS)
    }
    const insert = async (tx: Tx) => await insertCharge(tx, order)
    const charge =
      key === undefined
        ? await this.#db.tx(insert)
        : (await this.#idempotency.run<string | null>({ scope: 'charge', key }, insert)).value
    if (manner === 'silent') await sleep(LATE_MS)
    if (charge === null) throw new Error('declined')
  }

  /** Whatever became of the charge with this key: it is refunded, or, if it is still on its way, it will not be charged. */
  async cancel(key: string): Promise<void> {
    const { value: charge } = await this.#idempotency.run<string | null>({ scope: 'charge', key }, forbidCharge)
    if (charge !== null) await this.#db.sql`update charge set is_refunded = true where id = ${charge}`
  }

  /** Whether an order was charged, as far as is known now. */
  async find(order: number): Promise<boolean> {
    return (await this.#db.sql`select from charge where order_id = ${order} and not is_refunded`).length > 0
  }

  /** What was charged and not refunded. */
  async list(): Promise<{ order_id: number; cents: number }[]> {
    return await this.#db.sql`select order_id, cents from charge where not is_refunded`
  }

  async close(): Promise<void> {
    await this.#idempotency.close()
    await this.#db.close()
  }
}

async function insertCharge(tx: Tx, order: number): Promise<string> {
  const [row] = await tx.sql<{ id: string }>`
    insert into charge (order_id, cents) values (${order}, ${PRICE_CENTS}) returning id`
  return (row as { id: string }).id
}

/** What takes the key instead of a charge. */
const forbidCharge = (): Promise<null> => Promise.resolve(null)
