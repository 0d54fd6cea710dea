import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as store from '../../src/sagas/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { Explorer, type Order } from '../jobs/explore/explorer.js'
import { runWithout, type Guard } from '../jobs/explore/guards.js'
import { World, type Scenario } from './explore/world.js'

let box: TestDatabase
let owner: pg.Client
let kind: number

beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await owner.query('create table explored_effects (seq int not null, what text not null)')
  await owner.query('grant all on explored_effects to public')
  await owner.query('set synchronous_commit = off')
  kind = await store.register(box.db, 'explored', 1, 0)
})
afterAll(async () => {
  await owner.end()
  await box.close()
})

const [tx, call] = [
  { name: 'tx', kind: 'tx' },
  { name: 'call', kind: 'call' },
] as const
const forward: Scenario = { name: 'two steps', steps: [tx, call], fails: false, lapses: 1, cancels: false }
const backward: Scenario = { name: 'a call, then undone', steps: [call], fails: true, lapses: 1, cancels: false }
const cancelled: Scenario = { name: 'cancelled at any time', steps: [call], fails: false, lapses: 1, cancels: true }
const twice: Scenario = { name: 'SQL, then undone', steps: [tx], fails: true, lapses: 1, cancels: false }

async function explore(scenario: Scenario, order: Order) {
  const world = new World(scenario, box.db, owner, kind)
  const found = await new Explorer(world).run(order)
  console.log(
    `${scenario.name}: ${found.states} states, ${found.transitions} steps, ${found.interleavings} interleavings`,
  )
  return found.violation
}

test.each([forward, backward, cancelled, twice])(
  '$name: every order ends well',
  { timeout: 300_000 },
  async (scenario) => {
    const violation = await explore(scenario, 'depth')
    expect([...(violation?.trace ?? []), ...(violation?.broken ?? [])]).toEqual([])
  },
)

const fence: Guard = {
  in: 'sagas_write',
  text: `where i.owner = p_owner and i.fence = r.fence for no key update of i);
  else`,
  without: `where true for no key update of i);
  else`,
}
const raises: Guard = {
  in: 'sagas_record',
  text: `if not found then raise exception 'the saga is in other hands' using errcode = 'HF041'; end if;`,
  without: '',
}

test('without the fence SQL is committed twice', { timeout: 300_000 }, async () => {
  await runWithout(owner, fence, async () => {
    expect((await explore(forward, 'breadth'))?.broken.join()).toMatch(/committed twice/)
  })
})

test('where the record matches no row and does not raise, SQL is committed twice', { timeout: 300_000 }, async () => {
  await runWithout(owner, raises, async () => {
    expect((await explore(forward, 'breadth'))?.broken.join()).toMatch(/committed twice/)
  })
})

test('where the record is not in the commit of the SQL, it is committed twice', { timeout: 300_000 }, async () => {
  expect((await explore({ ...forward, isApart: true }, 'breadth'))?.broken.join()).toMatch(/committed twice/)
})
