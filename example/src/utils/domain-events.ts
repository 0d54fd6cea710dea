import type { Tx } from 'holdfast'

/** What happened to an order. Ids only: whoever needs more reads it, and no personal data travels. */
export interface DomainEvent {
  type: 'order.created' | 'order.paid' | 'order.payment_failed' | 'order.cancelled'
  orderId: string
}

export type DomainEventHandler = (event: DomainEvent) => void | Promise<void>

export interface DomainEvents {
  /** Tells the handlers after the commit, never when the transaction rolls back: nobody hears of an order that is not there. */
  publish(tx: Tx, event: DomainEvent): void
  subscribe(handler: DomainEventHandler): void
}

export function createDomainEvents(): DomainEvents {
  const handlers: DomainEventHandler[] = []
  return {
    publish: (tx, event) =>
      tx.afterCommit(async () => {
        for (const handler of handlers) await handler(event)
      }),
    subscribe: (handler) => void handlers.push(handler),
  }
}
