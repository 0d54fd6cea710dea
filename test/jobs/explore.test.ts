import { afterAll, beforeAll, expect, test } from 'vitest'
import pg from 'pg'
import * as store from '../../src/jobs/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { Explorer, type Exploration, type Order } from './explore/explorer.js'
import { scenarios } from './explore/scenarios.js'
import { World, type Scenario } from './explore/world.js'

let box: TestDatabase
let owner: pg.Client
let lane: number

beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await owner.query('set synchronous_commit = off; create table public.effects (body text); grant all on public.effects to public')
  lane = (await store.registerQueue(box.db, 'explored', 10, 0)) * 4 + 1
})
afterAll(async () => {
  await owner.end()
  await box.close()
})

async function connect(): Promise<pg.Client> {
  const client = await box.db.connectDirect()
  await client.query('set synchronous_commit = off')
  return client
}

async function explore(scenario: Scenario, order: Order): Promise<Exploration> {
  const world = new World(scenario, lane, owner, connect)
  const start = performance.now()
  try {
    const found = await new Explorer(world).run(order)
    const { states, transitions, ends, interleavings, replays } = found
    console.log(
      `${scenario.name}: ${states} states, ${transitions} steps, ${ends} ends, ${interleavings} interleavings, ${replays} replays, ${Math.round(performance.now() - start)} ms`,
    )
    return found
  } finally {
    await world.close()
  }
}

test.each(scenarios)('$name: every order keeps every promise', { timeout: 600_000 }, async (scenario) => {
  const { violation } = await explore(scenario, 'depth')
  expect(violation).toBeUndefined()
})
