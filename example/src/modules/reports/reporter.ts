import type { Db, Tx } from 'holdfast'
import type { Job } from 'holdfast/jobs'
import { eventNotFound } from '../events/model.js'
import { findEventOnSale } from '../events/repository.js'
import type { ReportDraft, ReportRequest, SalesReport } from './model.js'
import { countPaidOrders, countPlaces, listPaidOrders } from './repository.js'

export interface ReporterOptions {
  db: Db
  /** Orders read in one transaction. Default: 500. */
  chunkSize?: number
  /** A report is of the moment this long ago: what was being paid then has been committed or rolled back. Default: 60 000 ms. */
  settleMs?: number
}

/** Adds up the sales of an event, chunk by chunk, while people go on buying. */
export interface Reporter {
  /** @throws BOX_EVENT_NOT_FOUND */
  writeReport(job: Pick<Job<ReportRequest>, 'payload' | 'checkpoint' | 'progress' | 'signal'>): Promise<SalesReport>
}

/**
 * The whole report is of one moment, and yet no transaction is open for longer than one chunk takes.
 *
 * One snapshot for the whole run would be the plain way to read consistent data. Its cost: as long as it is open, vacuum
 * may remove no row version of the whole database that is younger, so each update of `standing_stock`, the hottest row
 * there is, would leave one behind for minutes, and every buyer would read past them. It also dies with the process,
 * so nobody could go on from a checkpoint. Here each chunk is a short REPEATABLE READ transaction, in which an order and
 * its items are of one moment, and what makes the chunks one report is the data: an order's `paid_at` and `cancelled_at`
 * are written once, so "as of then" is the same whenever it is read. Where rows carry no such times, the snapshot, or a
 * copy made in one statement, would be the way.
 */
export function createReporter({ db, chunkSize = 500, settleMs = 60_000 }: ReporterOptions): Reporter {
  async function writeReport({ payload, checkpoint, progress, signal }: Parameters<Reporter['writeReport']>[0]) {
    let draft = (await checkpoint.load<ReportDraft>()) ?? (await beginDraft(payload.eventId))
    progress(draft.done, draft.total, 'orders')
    for (let isLast = false; !isLast;) {
      signal.throwIfAborted()
      const next = await db.tx((tx) => addChunk(tx, draft), { isolation: 'repeatable read', readOnly: true, signal })
      isLast = next.afterId === draft.afterId
      draft = next
      // Nothing was written elsewhere: the checkpoint stands alone, and a chunk read twice is added once.
      if (!isLast) await checkpoint.save(draft)
      progress(draft.done, Math.max(draft.total, draft.done), 'orders')
    }
    return toReport(draft)
  }

  async function beginDraft(eventId: string): Promise<ReportDraft> {
    if (!(await findEventOnSale(db, eventId))) throw eventNotFound(eventId)
    const asOf = new Date(Date.now() - settleMs).toISOString()
    const total = await countPaidOrders(db, eventId, asOf)
    return { eventId, asOf, orders: 0, refundedOrders: 0, places: 0, revenueCents: 0, afterId: '0', done: 0, total }
  }

  async function addChunk(tx: Tx, draft: ReportDraft): Promise<ReportDraft> {
    const { eventId, asOf, afterId } = draft
    const orders = await listPaidOrders(tx, { eventId, asOf, afterId, limit: chunkSize })
    const last = orders.at(-1)
    if (!last) return draft
    const kept = orders.filter((order) => !order.is_refunded)
    const places = await countPlaces(
      tx,
      kept.map((order) => order.id),
    )
    return {
      ...draft,
      afterId: last.id,
      done: draft.done + orders.length,
      orders: draft.orders + kept.length,
      refundedOrders: draft.refundedOrders + orders.length - kept.length,
      places: draft.places + sum([...places.values()]),
      revenueCents: draft.revenueCents + sum(kept.map((order) => order.total_cents)),
    }
  }

  return { writeReport }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

function toReport({ eventId, asOf, orders, refundedOrders, places, revenueCents }: ReportDraft): SalesReport {
  return { eventId, asOf, orders, refundedOrders, places, revenueCents }
}
