import type { Db } from 'holdfast'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../utils/logger.js'
import { insertEvents, planEvents, type VenueRef } from './catalogue.js'
import { insertHistory } from './history.js'
import { cities } from './names.js'
import { insertCustomers } from './people.js'
import { findDoneBatches, openSeedRun, runBatch, type SeedRun } from './progress.js'

export interface BulkOptions {
  /** Default: 300 000. */
  customers?: number
  /** Events to come, beside those of the first part. Default: 2 000. */
  upcoming?: number
  /** Events that are over, with the orders of those who were there. Default: 1 000. */
  past?: number
  /** Customers written in one transaction. Default: 2 500. */
  customersPerBatch?: number
  /** Events written in one transaction, about 150 seats each. Default: 10. */
  eventsPerBatch?: number
  /** Rests this many times as long as the batch took, so that traffic keeps most of the server. Default: 2. */
  restFactor?: number
  signal?: AbortSignal
}

interface Part {
  name: string
  batches: number
  run: (run: SeedRun, batch: number) => Promise<boolean>
}

const logEveryMs = 10_000

/** Writes the bulk, batch by batch, and goes on where a killed one stopped. Resolves early when `signal` is aborted. */
export async function seedBulk(db: Db, logger: Logger, seed: number, options: BulkOptions = {}): Promise<void> {
  const run = await openSeedRun(db, seed)
  for (const part of await planParts(db, options)) {
    await runPart(db, logger, run, part, options)
    if (options.signal?.aborted) return
  }
  logger.info('seed complete')
}

async function planParts(db: Db, options: BulkOptions): Promise<Part[]> {
  const { customers = 300_000, upcoming = 2_000, past = 1_000 } = options
  const { customersPerBatch = 2_500, eventsPerBatch = 10 } = options
  const venues = await findVenues(db)
  const plan = (run: SeedRun, part: string, batch: number, count: number, days: [number, number]) =>
    planEvents({ ...run, part, batch, count, venues, days })
  const countIn = (total: number, batch: number) => Math.min(eventsPerBatch, total - batch * eventsPerBatch)

  return [
    {
      name: 'customers',
      batches: Math.ceil(customers / customersPerBatch),
      run: (_, batch) =>
        runBatch(db, 'customers', batch, (tx) =>
          insertCustomers(tx, batch * customersPerBatch + 1, Math.min(customers, (batch + 1) * customersPerBatch)),
        ),
    },
    {
      name: 'past events',
      batches: Math.ceil(past / eventsPerBatch),
      run: (run, batch) =>
        runBatch(db, 'past events', batch, async (tx) => {
          const eventIds = await insertEvents(tx, plan(run, 'past', batch, countIn(past, batch), [-700, -2]))
          await insertHistory(tx, { eventIds, customers, batch })
        }),
    },
    {
      name: 'upcoming events',
      batches: Math.ceil(upcoming / eventsPerBatch),
      run: (run, batch) =>
        runBatch(db, 'upcoming events', batch, async (tx) => {
          await insertEvents(tx, plan(run, 'upcoming', batch, countIn(upcoming, batch), [2, 400]))
        }),
    },
  ]
}

async function runPart(db: Db, logger: Logger, run: SeedRun, part: Part, options: BulkOptions): Promise<void> {
  const { restFactor = 2, signal } = options
  const done = await findDoneBatches(db, part.name)
  let loggedAt = 0
  for (let batch = 0; batch < part.batches; batch++) {
    if (signal?.aborted) return
    if (done.has(batch)) continue
    const startedAt = performance.now()
    await part.run(run, batch)
    const now = performance.now()
    if (now - loggedAt > logEveryMs || batch === part.batches - 1) {
      logger.info({ part: part.name, done: batch + 1, of: part.batches }, 'seed progress')
      loggedAt = now
    }
    await rest((now - startedAt) * restFactor, signal)
  }
}

async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms > 0) await delay(ms, undefined, signal && { signal }).catch(() => undefined)
}

async function findVenues(db: Db): Promise<VenueRef[]> {
  const currencies = new Map(cities.map(([city, , currency]) => [city, currency]))
  const rows = await db.sql<{ id: string; city: string }>`select id, city from venues order by id`
  return rows.map((row) => ({ id: row.id, currency: currencies.get(row.city) ?? 'EUR' }))
}
