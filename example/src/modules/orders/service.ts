import type { Db, Tx } from 'holdfast'
import type { Idempotency, Outcome } from 'holdfast/idempotency'
import type { Jobs } from 'holdfast/jobs'
import { cutPage, type Page } from '../../utils/cursor.js'
import type { DomainEvents } from '../../utils/domain-events.js'
import type { BoxError } from '../../utils/errors.js'
import { createMoney } from '../../utils/money.js'
import { customerNotFound } from '../customers/model.js'
import { findCustomer } from '../customers/repository.js'
import type { Places } from '../holds/places.js'
import { confirmationMail } from '../mails/jobs.js'
import { paymentDeclined, paymentsUnreachable, type ChargeOutcome } from '../payments/model.js'
import type { PaymentsService } from '../payments/service.js'
import {
  isOpen,
  viewOrder,
  type ListOrdersQuery,
  type NewOrder,
  type OrderDetails,
  type OrderRow,
  type OrderView,
} from './model.js'
import {
  listItems,
  listOpenOrders,
  listOrdersOfCustomer,
  moveOrder,
  requireOrder,
  type OrderChange,
} from './repository.js'
import { reserveOrder } from './reservation.js'

/** Between taking places and the order's commit: what a process that died in between took comes back after this long. */
const reserveWithinMs = 60_000

export interface OrdersServiceOptions {
  db: Db
  payments: PaymentsService
  places: Places
  events: DomainEvents
  jobs: Jobs
  idempotency: Idempotency
}

export interface OrdersService {
  /**
   * Buys: `paid`, or `payment_unknown` when payments did not say. The same key again gives the same order: as it is now,
   * refused again when it was refused. @throws BOX_SOLD_OUT, BOX_SEATS_TAKEN, BOX_PAYMENT_DECLINED, HF_IDEMPOTENCY_…, …
   */
  buy(key: string, input: NewOrder): Promise<OrderView>
  getOrder(id: string): Promise<OrderDetails>
  listOrders(customerId: string, query: ListOrdersQuery): Promise<Page<OrderView>>
  /** Asks payments about orders left open, at most `limit` of them. Gives the last id looked at, or '0' at the end. */
  settleOpenOrders(afterId: string, createdBefore: Date, limit: number): Promise<string>
}

type PaymentChange = OrderChange & { to: 'paid' | 'payment_failed' | 'payment_unknown' }

export function createOrdersService(options: OrdersServiceOptions): OrdersService {
  const { db, payments, places, events, jobs, idempotency } = options

  /** Short transactions with the payment between them: none is open while we wait for the network. */
  async function buy(key: string, input: NewOrder): Promise<OrderView> {
    const { value: id, isReplay } = await reserve(key, input)
    const order = isReplay ? await joinOrder(id) : await requireOrder(db, id)
    const settled = isOpen(order) ? await settle(order, await charge(order)) : order
    // What a twin or the settler found meanwhile is as good as our own answer; only a released order is a refusal.
    if (settled.status === 'payment_failed') throw describeRefusal(settled)
    return viewOrder(settled)
  }

  /**
   * Once per key; all that follows is safe to repeat, by the order. Places are taken before the transaction: those of a
   * sought-after event then cost no buyer the time of another's. Where they are refused the key is asked all the same: it
   * may have an order already, whose places were freed since.
   */
  async function reserve(key: string, input: NewOrder): Promise<Outcome<string>> {
    const taken = await places.take(input, { route: 'POST /orders', key, ttlMs: reserveWithinMs })
    let isOrdered = false
    try {
      const call = { scope: 'POST /orders', principal: `customer:${input.customerId}`, key, input }
      const outcome = await idempotency.run(call, async (tx) => {
        const { id } = await reserveOrder(tx, places, input, taken)
        events.publish(tx, { type: 'order.created', orderId: id })
        return id
      })
      isOrdered = !outcome.isReplay
      return outcome
    } finally {
      if (!isOrdered) await places.giveBack(taken)
    }
  }

  /**
   * Of two requests for one order one may reach payments and the other not. So before the second asks, the order leaves
   * `pending`, the only state in which "unreachable" frees the places.
   */
  async function joinOrder(id: string): Promise<OrderRow> {
    return await advance(id, { from: ['pending'], to: 'payment_unknown' })
  }

  async function charge(order: OrderRow): Promise<ChargeOutcome> {
    return await payments.charge({
      key: order.payment_key,
      reference: `order-${order.id}`,
      amount: createMoney(order.total_cents, order.currency),
    })
  }

  async function settle(order: OrderRow, outcome: ChargeOutcome): Promise<OrderRow> {
    return await advance(order.id, chooseChange(outcome))
  }

  /** Gives the order as it is then, whoever moved it. */
  async function advance(id: string, change: PaymentChange): Promise<OrderRow> {
    return await db.tx(async (tx) => {
      const moved = await moveOrder(tx, id, change)
      if (!moved) return await requireOrder(tx, id)
      await followUp(tx, moved)
      events.publish(tx, { type: `order.${change.to}`, orderId: id })
      return moved
    })
  }

  /** In the transaction that moved the order: what follows from it happens exactly if the move is committed. */
  async function followUp(tx: Tx, order: OrderRow): Promise<void> {
    if (order.status === 'payment_failed') await places.release(tx, order)
    if (order.status === 'paid') await jobs.send(tx, confirmationMail, { orderId: order.id })
  }

  async function getOrder(id: string): Promise<OrderDetails> {
    const order = await requireOrder(db, id)
    return { ...viewOrder(order), items: await listItems(db, id) }
  }

  async function listOrders(customerId: string, query: ListOrdersQuery): Promise<Page<OrderView>> {
    const rows = await listOrdersOfCustomer(db, customerId, query)
    if (rows.length === 0 && !(await findCustomer(db, customerId))) throw customerNotFound(customerId)
    return cutPage(rows, query.limit, { key: (row) => [row.id], view: viewOrder })
  }

  async function settleOpenOrders(afterId: string, createdBefore: Date, limit: number): Promise<string> {
    const open = await listOpenOrders(db, afterId, createdBefore, limit)
    for (const order of open) {
      const outcome = await payments.findCharge(order.payment_key)
      if (outcome.kind === 'charged' || outcome.kind === 'declined') await settle(order, outcome)
    }
    return open.length < limit ? '0' : (open.at(-1)?.id ?? '0')
  }

  return { buy, getOrder, listOrders, settleOpenOrders }
}

/** An unknown outcome keeps the places: releasing them could sell twice what was paid for. */
function chooseChange(outcome: ChargeOutcome): PaymentChange {
  const open = ['pending', 'payment_unknown'] as const
  if (outcome.kind === 'charged')
    return { from: open, to: 'paid', set: { charge_id: outcome.chargeId, paid_at: new Date() } }
  if (outcome.kind === 'declined') return { from: open, to: 'payment_failed', set: { charge_id: outcome.chargeId } }
  return { from: ['pending'], to: outcome.kind === 'unreachable' ? 'payment_failed' : 'payment_unknown' }
}

/** What was declined has a charge; an order without one never reached payments. */
function describeRefusal({ id, charge_id }: OrderRow): BoxError {
  return charge_id === null ? paymentsUnreachable(id) : paymentDeclined(id)
}
