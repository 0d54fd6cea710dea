import type { Db, Tx } from 'holdfast'
import type { Jobs } from 'holdfast/jobs'
import { cutPage, type Page } from '../../utils/cursor.js'
import type { DomainEvents } from '../../utils/domain-events.js'
import { createMoney } from '../../utils/money.js'
import { customerNotFound } from '../customers/model.js'
import { findCustomer } from '../customers/repository.js'
import { confirmationMail } from '../mails/jobs.js'
import { paymentDeclined, paymentsUnreachable, type ChargeOutcome } from '../payments/model.js'
import type { PaymentsService } from '../payments/service.js'
import {
  orderNotFound,
  viewOrder,
  type ListOrdersQuery,
  type NewOrder,
  type OrderDetails,
  type OrderRow,
  type OrderView,
} from './model.js'
import { findOrder, listItems, listOpenOrders, listOrdersOfCustomer, moveOrder } from './repository.js'
import { releasePlaces, reserveOrder } from './reservation.js'

export interface OrdersServiceOptions {
  db: Db
  payments: PaymentsService
  events: DomainEvents
  jobs: Jobs
}

export interface OrdersService {
  /** Buys: `paid`, or `payment_unknown` when payments did not say. @throws BOX_SOLD_OUT, BOX_SEATS_TAKEN, BOX_PAYMENT_DECLINED, … */
  buy(input: NewOrder): Promise<OrderView>
  getOrder(id: string): Promise<OrderDetails>
  listOrders(customerId: string, query: ListOrdersQuery): Promise<Page<OrderView>>
  /** Asks payments about orders left open, at most `limit` of them. Gives the last id looked at, or '0' at the end. */
  settleOpenOrders(afterId: string, createdBefore: Date, limit: number): Promise<string>
}

export function createOrdersService({ db, payments, events, jobs }: OrdersServiceOptions): OrdersService {
  /** Two short transactions with the payment between them: none is open while we wait for the network. */
  async function buy(input: NewOrder): Promise<OrderView> {
    const order = await db.tx(async (tx) => {
      const reserved = await reserveOrder(tx, input)
      events.publish(tx, { type: 'order.created', orderId: reserved.id })
      return reserved
    })
    const outcome = await payments.charge({
      key: order.payment_key,
      reference: `order-${order.id}`,
      amount: createMoney(order.total_cents, order.currency),
    })
    const settled = await settle(order, outcome)
    // What the settler found meanwhile is as good as our own answer; only a released order is a refusal.
    if (settled.status !== 'payment_failed') return viewOrder(settled)
    throw outcome.kind === 'unreachable' ? paymentsUnreachable(order.id) : paymentDeclined(order.id)
  }

  async function settle(order: OrderRow, outcome: ChargeOutcome): Promise<OrderRow> {
    return db.tx(async (tx) => {
      const change = chooseChange(outcome)
      const moved = await moveOrder(tx, order.id, change)
      if (!moved) return (await findOrder(tx, order.id)) ?? order
      await followUp(tx, moved)
      events.publish(tx, { type: `order.${change.to}`, orderId: order.id })
      return moved
    })
  }

  /** In the transaction that moved the order: what follows from it happens exactly if the move is committed. */
  async function followUp(tx: Tx, order: OrderRow): Promise<void> {
    if (order.status === 'payment_failed') await releasePlaces(tx, order)
    if (order.status === 'paid') await jobs.send(tx, confirmationMail, { orderId: order.id })
  }

  async function getOrder(id: string): Promise<OrderDetails> {
    const order = await findOrder(db, id)
    if (!order) throw orderNotFound(id)
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
function chooseChange(outcome: ChargeOutcome) {
  const open = ['pending', 'payment_unknown'] as const
  if (outcome.kind === 'charged') {
    return { from: open, to: 'paid', set: { charge_id: outcome.chargeId, paid_at: new Date() } } as const
  }
  if (outcome.kind === 'unknown') return { from: ['pending'], to: 'payment_unknown' } as const
  return { from: open, to: 'payment_failed' } as const
}
