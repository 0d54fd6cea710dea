import type { Db } from 'holdfast'
import { cutPage, type Page } from '../../utils/cursor.js'
import { customerNotFound } from '../customers/model.js'
import { findCustomer } from '../customers/repository.js'
import { viewPastOrder, type HistoryQuery, type PastOrderView } from './model.js'
import { listPastOrders } from './repository.js'

export interface HistoryService {
  /** What a customer ordered from the former system, the newest first. @throws BOX_CUSTOMER_NOT_FOUND */
  listHistory(customerId: string, query: HistoryQuery): Promise<Page<PastOrderView>>
}

export function createHistoryService({ db }: { db: Db }): HistoryService {
  async function listHistory(customerId: string, query: HistoryQuery): Promise<Page<PastOrderView>> {
    const rows = await listPastOrders(db, customerId, query)
    if (rows.length === 0 && !(await findCustomer(db, customerId))) throw customerNotFound(customerId)
    return cutPage(rows, query.limit, { key: (row) => [row.ordered_at.toISOString(), row.id], view: viewPastOrder })
  }

  return { listHistory }
}
