import type { Db } from 'holdfast'
import type { Locks } from 'holdfast/locks'
import { requireCustomer } from '../customers/repository.js'
import { csvHead, toCsvLine } from './csv.js'
import { exportLockKey, exportLost, exportNotFound, exportRunning, viewExport, type ExportView } from './model.js'
import { findExportCsv, listOrdersToExport, replaceExport } from './repository.js'

export interface ExportsServiceOptions {
  db: Db
  locks: Locks
  /** Orders read in one statement. Default: 500. */
  pageSize?: number
}

export interface ExportsService {
  /**
   * Reads all orders of a customer and keeps them as a CSV in place of the last one. While it runs, anywhere, nobody else
   * can run it for this customer. @throws BOX_CUSTOMER_NOT_FOUND, BOX_EXPORT_RUNNING, BOX_EXPORT_LOST, HF_LOCKS_STALE
   */
  exportOrders(customerId: string): Promise<ExportView>
  /** @throws BOX_EXPORT_NOT_FOUND */
  getCsv(customerId: string): Promise<string>
}

export function createExportsService({ db, locks, pageSize = 500 }: ExportsServiceOptions): ExportsService {
  async function exportOrders(customerId: string): Promise<ExportView> {
    await requireCustomer(db, customerId)
    const key = exportLockKey(customerId)
    // Not waited for: who comes second wants the first one's file, and not another like it.
    await using lock = await locks.tryAcquire(key)
    if (!lock) throw exportRunning(customerId, await findStart(key))
    const { orders, csv } = await readOrders(customerId, lock.signal)
    // Without the signal: the guard decides whether the lock is held, and nobody else can have it before the commit.
    const made = await lock.fenced((tx) => replaceExport(tx, { customerId, orders, csv, fence: lock.fence }))
    return viewExport(made)
  }

  async function findStart(key: string): Promise<Date | undefined> {
    const entries = await locks.overview(key)
    return entries.find(({ state }) => state === 'held')?.heldAt ?? undefined
  }

  async function readOrders(customerId: string, signal: AbortSignal): Promise<{ orders: number; csv: string }> {
    try {
      return await readPages(customerId, signal)
    } catch (error) {
      throw signal.aborted ? exportLost(customerId) : error
    }
  }

  /**
   * No transaction is open between the pages, so each order is as it was when its page was read. All lines are kept in
   * memory: they are of one person, some hundred bytes each.
   */
  async function readPages(customerId: string, signal: AbortSignal): Promise<{ orders: number; csv: string }> {
    const lines: string[] = []
    for (let afterId = '0', isLast = false; !isLast;) {
      const page = await listOrdersToExport(db, { customerId, afterId, limit: pageSize, signal })
      lines.push(...page.map(toCsvLine))
      afterId = page.at(-1)?.id ?? afterId
      isLast = page.length < pageSize
    }
    return { orders: lines.length, csv: csvHead + lines.join('') }
  }

  async function getCsv(customerId: string): Promise<string> {
    const csv = await findExportCsv(db, customerId)
    if (csv === undefined) throw exportNotFound(customerId)
    return csv
  }

  return { exportOrders, getCsv }
}
