import type { Tx } from 'holdfast'
import { createMoney, formatMoney } from '../../utils/money.js'
import { orderNotFound } from '../orders/model.js'
import type { ConfirmedOrder, Mail } from './model.js'
import { findConfirmedOrder, insertMail } from './repository.js'

/** Writes the confirmation of an order, in the transaction of the job that asked for it. @throws BOX_ORDER_NOT_FOUND */
export async function writeConfirmation(tx: Tx, orderId: string): Promise<void> {
  const order = await findConfirmedOrder(tx, orderId)
  if (!order) throw orderNotFound(orderId)
  await insertMail(tx, composeConfirmation(order))
}

function composeConfirmation(order: ConfirmedOrder): Mail {
  const { order_id, customer_id, title, place, starts_at, places, total_cents, currency } = order
  const what = `${places} ${places === 1 ? 'place' : 'places'}`
  const total = formatMoney(createMoney(total_cents, currency))
  return {
    order_id,
    customer_id,
    subject: `Your order ${order_id}: ${title}`,
    body: `${what} for ${title} at ${place}, ${starts_at.toISOString()}.\nPaid: ${total}.`,
  }
}
