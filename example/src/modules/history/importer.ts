import type { Db, Tx } from 'holdfast'
import { setTimeout as delay } from 'node:timers/promises'
import { nameEvent } from '../../seed/names.js'
import type { Logger } from '../../utils/logger.js'
import { createRandom } from '../../utils/random.js'
import { noRegulars, type ImportPlan, type ImportRow, type ImportState, type ImportView } from './model.js'
import {
  analyzePastOrders,
  clearHistory,
  findImport,
  findPeriod,
  insertPastOrders,
  listRegulars,
  lockImport,
  saveImported,
  saveTarget,
} from './repository.js'

export interface ImporterOptions {
  db: Db
  logger: Logger
  /** Written in one transaction. Default: 10 000. */
  batchOrders?: number
  /** From the beginning of one batch to that of the next, at least: traffic keeps most of the server. Default: 300 ms. */
  paceMs?: number
  /** After the first years the history is read for so long as it is: whoever watches learns how it was. Default: 15 000 ms. */
  restMs?: number
  /** An import that takes longer stops where it is. Default: 300 000 ms. */
  mostMs?: number
  plan?: ImportPlan
}

/**
 * Imports the orders of the former system while the shop is open, and shows what growth alone can do to a statement:
 *
 *   select … from past_orders where customer_id = $1 order by ordered_at desc, id desc limit 21
 *
 * While the history is small, the customer's rows are found by the index on customer_id, and sorted: the planner expects
 * that to cost more the more rows there are. The other way is along the index on ordered_at, from the newest end until 21
 * of them have come by. It expects that to cost the same at any size, because for all it knows a customer's rows are
 * spread evenly. So there comes a size from which it walks. The regulars stopped ordering there years before the end,
 * and everything that others ordered since is read and thrown away. New statistics change nothing, as they say how many
 * rows a customer has and not when. One index for condition and order, (customer_id, ordered_at desc, id desc), leaves
 * nothing to choose.
 */
export interface Importer {
  describe(): Promise<ImportView>
  /** Imports until there are so many, in the background; what is there stays. @throws BOX_HISTORY_NO_REGULARS */
  grow(orders: number): Promise<ImportView>
  /** Ends an import and empties the history. */
  takeBack(): Promise<ImportView>
  /** Whether a customer was one of the former system, as far as this process knows: asked at each look at their orders. */
  hasHistory(customerId: string): boolean
  close(): Promise<void>
}

const mostRegulars = 20
const defaultPlan: ImportPlan = { firstOrders: 100_000, regularEvery: 50, busyUntil: 250_000, busyEvery: 10 }

/** Reads who has a history from an earlier start; imports nothing by itself. */
export async function createImporter(options: ImporterOptions): Promise<Importer> {
  const { db, logger, batchOrders = 10_000, paceMs = 300, restMs = 15_000, mostMs = 300_000 } = options
  const plan = options.plan ?? defaultPlan
  const random = createRandom(1)
  const titles = Array.from({ length: 40 }, () => nameEvent(random))
  // Told of when the first years are there and analyzed: what the planner does without statistics is another story.
  let regulars = await findRegulars()
  let running: { ending: AbortController; work: Promise<void> } | undefined
  let isResting = false

  async function findRegulars(): Promise<Set<string>> {
    return new Set((await findImport(db))?.regulars)
  }

  async function describe(): Promise<ImportView> {
    const row = await findImport(db)
    const { from, to } = row ? await findPeriod(db) : { from: null, to: null }
    return {
      state: tellState(row),
      imported: row?.imported ?? 0,
      target: row?.target ?? 0,
      from: from?.toISOString() ?? null,
      to: to?.toISOString() ?? null,
    }
  }

  function tellState(row: ImportRow | undefined): ImportState {
    if (!row) return 'none'
    if (running) return isResting ? 'resting' : 'importing'
    return row.imported >= row.target ? 'done' : 'stopped'
  }

  async function grow(orders: number): Promise<ImportView> {
    await db.tx((tx) => begin(orders, tx))
    // From the beginning of a batch: one that was about to end would not see that there is more to come.
    await close()
    running ??= start()
    return await describe()
  }

  async function begin(orders: number, tx: Tx): Promise<void> {
    const chosen = (await findImport(tx))?.regulars ?? (await listRegulars(tx, mostRegulars))
    if (chosen.length === 0) throw noRegulars()
    await saveTarget(tx, orders, chosen)
  }

  function start() {
    const ending = new AbortController()
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(mostMs)])
    const work = importAll(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) logger.error({ err: error }, 'history import failed')
      })
      .finally(() => (running = undefined))
    return { ending, work }
  }

  async function importAll(signal: AbortSignal): Promise<void> {
    for (let isLast = false; !isLast && !signal.aborted;) {
      const startedAt = performance.now()
      const imported = await db.tx(importBatch, { signal })
      isLast = imported === undefined
      if (imported === plan.firstOrders) await analyzePastOrders(db, signal)
      if (isLast || imported === plan.firstOrders) regulars = await findRegulars()
      if (imported === plan.firstOrders) await restAsItIs(signal)
      await rest(paceMs - (performance.now() - startedAt), signal)
    }
    logger.info({ isWhole: !signal.aborted }, 'history import ended')
  }

  /** Gives how many there are then; undefined when there are no more to come. */
  async function importBatch(tx: Tx): Promise<number | undefined> {
    const row = await lockImport(tx)
    if (!row || row.imported >= row.target) return undefined
    // A batch ends where the first years do: what follows is looked for there.
    const isFirst = row.imported < plan.firstOrders
    const to = Math.min(row.imported + batchOrders, row.target, isFirst ? plan.firstOrders : Infinity)
    await insertPastOrders(tx, { from: row.imported + 1, to, regulars: row.regulars, mostRegulars, titles, plan })
    await saveImported(tx, to)
    return to
  }

  async function restAsItIs(signal: AbortSignal): Promise<void> {
    isResting = true
    await rest(restMs, signal)
    isResting = false
  }

  async function close(): Promise<void> {
    running?.ending.abort()
    await running?.work
  }

  async function takeBack(): Promise<ImportView> {
    await close()
    await db.tx(clearHistory)
    regulars = new Set()
    return await describe()
  }

  return { describe, grow, takeBack, hasHistory: (customerId) => regulars.has(customerId), close }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined)
}
