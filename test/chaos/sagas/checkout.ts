import type { Db, Tx } from 'holdfast'
import type { Holds } from 'holdfast/holds'
import { defineSaga, type Steps } from 'holdfast/sagas'
import { PRICE, seats } from './protocol.js'

export interface Order {
  event: string
  amount: number
  customer: string
  /** Somebody has to say yes, within a time. */
  needsApproval: boolean
}

export interface Shop {
  db: Db
  holds: Holds
  providerUrl: string
  isApart: boolean
}

class Refused extends Error {}

/** The checkout of the chaos: every way to do something, and to take it back. */
export function defineCheckouts(shop: Shop) {
  const { holds, providerUrl, db, isApart } = shop

  async function ask(path: string, key: string, signal: AbortSignal, body: object): Promise<object> {
    const headers = { 'idempotency-key': key, 'content-type': 'application/json' }
    const response = await fetch(`${providerUrl}${path}`, {
      method: 'POST',
      headers,
      signal,
      body: JSON.stringify(body),
    })
    const answer = (await response.json()) as { refused?: string }
    if (answer.refused !== undefined) throw new Refused(answer.refused)
    if (!response.ok) throw new Error(`status ${response.status}`)
    return answer
  }

  const mark = async (tx: Tx, saga: string, step: string, what: string) =>
    await tx.sql`insert into chaos_effects (saga, step, what) values (${saga}, ${step}, ${what})`

  /** SQL, marked; without the rule it is a transaction of its own, and recorded afterwards. */
  async function effect(
    s: Steps,
    name: string,
    act: (tx: Tx) => Promise<unknown>,
    undo?: (tx: Tx) => Promise<unknown>,
  ) {
    const both = (what: string, how: (tx: Tx) => Promise<unknown>) => async (tx: Tx) => {
      await how(tx)
      await mark(tx, s.id, name, what)
    }
    if (!isApart) return await s.tx(name, { do: both('do', act), ...(undo && { undo: both('undo', undo) }) })
    await s.call(name, {
      do: async () => await db.tx(both('do', act)),
      ...(undo && { undo: async () => await db.tx(both('undo', undo)) }),
      retry: { backoffMs: 20 },
    })
  }

  async function buy(s: Steps, { event, amount, customer, needsApproval }: Order, isNew: boolean): Promise<string> {
    const cents = amount * PRICE
    const payment = `${s.id}/authorise`
    const order = { payment, saga: s.id, cents }
    const hold = await s.call('hold', {
      do: async ({ key, signal }) => {
        const { id, units } = await holds.hold(
          seats,
          event,
          { any: amount },
          { key, owner: customer, ttlMs: 20_000, signal },
        )
        return { id, units: units ?? [] }
      },
      undo: async (_, held) => {
        // Whether it happened is not known: asked for again with its key, it is found, or made to be given back.
        const found = held ?? (await findHold(s.id))
        if (found) await holds.release(found.id, { owner: customer, confirmed: true })
      },
      isRefusal: (error) => (error as { code?: string }).code === 'HF_HOLDS_SOLD_OUT',
      retry: { backoffMs: 20, attempts: 8 },
    })
    if (isNew)
      await effect(
        s,
        'greet',
        async () => {},
        async () => {},
      )
    const provider = {
      timeoutMs: 1_000,
      retry: { backoffMs: 20, attempts: 6 },
      undoRetry: { backoffMs: 20, maxBackoffMs: 2_000, attempts: 60 },
    }
    await s.call('authorise', {
      do: async ({ key, signal }) => await ask('/authorise', key, signal, order),
      undo: async ({ key, signal }) => await ask('/void', key, signal, order),
      isRefusal: (error) => error instanceof Refused,
      ...provider,
    })
    await effect(
      s,
      'order',
      async (tx) =>
        await tx.sql`insert into chaos_orders (saga, event_id, amount) values (${s.id}, ${event}::bigint, ${amount})`,
      async (tx) => await tx.sql`delete from chaos_orders where saga = ${s.id}`,
    )
    if (needsApproval) await s.waitFor('approved', { timeoutMs: 3_000 })
    await s.call('capture', {
      do: async ({ key, signal }) => await ask('/capture', key, signal, order),
      undo: async ({ key, signal }) => await ask('/void', key, signal, order),
      isRefusal: (error) => error instanceof Refused,
      ...provider,
    })
    await effect(
      s,
      'confirm',
      async (tx) => await holds.confirm(tx, hold.id, { owner: customer }),
      async () => {},
    )
    await s.pivot('sold')
    await Promise.all([
      effect(
        s,
        'tickets',
        async (tx) =>
          await tx.sql`insert into chaos_tickets (saga, seat_id)
        select ${s.id}, u from unnest(${hold.units}::bigint[]) u`,
      ),
      effect(s, 'mail', async (tx) => await tx.sql`insert into chaos_mails (saga) values (${s.id})`),
    ])
    return hold.id
  }

  async function findHold(saga: string): Promise<{ id: string } | undefined> {
    const [row] = await db.sql<{ id: string }>`select id::text from holdfast.holds_taken where key = ${`${saga}/hold`}`
    return row
  }

  const options = { timeoutMs: 120_000 }
  return [
    defineSaga('checkout', { version: 1, ...options }, async (s, order: Order) => await buy(s, order, false)),
    defineSaga('checkout', { version: 2, ...options }, async (s, order: Order) => await buy(s, order, true)),
  ] as const
}
