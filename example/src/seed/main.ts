import { connect } from 'holdfast'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { readConfig } from '../config.js'
import { migrate } from '../database/migrate.js'
import { migrations } from '../database/migrations/index.js'
import { onShutdown } from '../utils/lifecycle.js'
import { createLogger } from '../utils/logger.js'
import { seedBulk } from './bulk.js'
import { defaultSeed, seedFirst } from './first.js'

// Process entry: seeds DATABASE_URL, or goes on with what an earlier run left.
// node example/dist/seed/main.js [--seed 2026] [--customers 300000] [--upcoming 2000] [--past 1000]

const config = readConfig()
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    customers: { type: 'string' },
    upcoming: { type: 'string' },
    past: { type: 'string' },
  },
})
const count = z.coerce.number().int().min(1).optional()
const { seed = defaultSeed, ...sizes } = z
  .object({ seed: z.coerce.number().int().optional(), customers: count, upcoming: count, past: count })
  .parse(values)
const logger = createLogger({ name: 'seed', level: config.LOG_LEVEL })
const db = await connect({ url: config.DATABASE_URL, applicationName: 'box-office seed', pool: { max: 1 }, logger })
const ending = new AbortController()
const work = run()

onShutdown(logger, async () => {
  ending.abort()
  await work
})

await work

async function run(): Promise<void> {
  try {
    await migrate(db, migrations)
    await seedFirst(db, seed)
    await seedBulk(db, logger, seed, { ...sizes, signal: ending.signal })
  } finally {
    await db.close({ deadlineMs: 500 })
  }
}
