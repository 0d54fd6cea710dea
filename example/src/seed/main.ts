import { connect } from 'holdfast'
import { z } from 'zod'
import { readConfig } from '../config.js'
import { migrate } from '../database/migrate.js'
import { migrations } from '../database/migrations/index.js'
import { onShutdown } from '../utils/lifecycle.js'
import { createLogger } from '../utils/logger.js'
import { seedBulk } from './bulk.js'
import { defaultSeed, seedFirst } from './first.js'

// Process entry: `node example/dist/seed/main.js` seeds DATABASE_URL, or goes on with what an earlier run left.

const config = readConfig()
const seed = z.coerce
  .number()
  .int()
  .parse(process.env['SEED'] ?? defaultSeed)
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
    await seedBulk(db, logger, seed, { signal: ending.signal })
  } finally {
    await db.close({ deadlineMs: 500 })
  }
}
