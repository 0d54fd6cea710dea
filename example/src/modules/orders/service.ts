import type { Db } from 'holdfast'
import { cutPage, type Page } from '../../utils/cursor.js'
import { customerNotFound } from '../customers/model.js'
import { findCustomer } from '../customers/repository.js'
import { viewOrder, type ListOrdersQuery, type OrderDetails, type OrderView } from './model.js'
import { listItems, listOrdersOfCustomer, listTickets, requireOrder } from './repository.js'

export interface OrdersService {
  /** @throws BOX_ORDER_NOT_FOUND */
  getOrder(id: string): Promise<OrderDetails>
  /** @throws BOX_CUSTOMER_NOT_FOUND */
  listOrders(customerId: string, query: ListOrdersQuery): Promise<Page<OrderView>>
}

/** Reads orders. They are made by checkouts and ended by refunds. */
export function createOrdersService({ db }: { db: Db }): OrdersService {
  async function getOrder(id: string): Promise<OrderDetails> {
    const order = await requireOrder(db, id)
    return { ...viewOrder(order), items: await listItems(db, id), tickets: await listTickets(db, id) }
  }

  async function listOrders(customerId: string, query: ListOrdersQuery): Promise<Page<OrderView>> {
    const rows = await listOrdersOfCustomer(db, customerId, query)
    if (rows.length === 0 && !(await findCustomer(db, customerId))) throw customerNotFound(customerId)
    return cutPage(rows, query.limit, { key: (row) => [row.id], view: viewOrder })
  }

  return { getOrder, listOrders }
}
