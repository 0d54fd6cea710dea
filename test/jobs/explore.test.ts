import { afterAll, beforeAll, expect, test } from 'vitest'
import pg from 'pg'
import * as store from '../../src/jobs/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { MarkAfterLastId, MarkStampedByItself, MarkWithoutXmin } from './explore/careless-marks.js'
import { Explorer, type Exploration, type Order } from './explore/explorer.js'
import { guards, runWithout } from './explore/guards.js'
import * as plays from './explore/scenarios.js'
import { prepareDatabase, World, type Scenario } from './explore/world.js'

let box: TestDatabase
let owner: pg.Client
let lane: number

beforeAll(async () => {
  box = await openTestDatabase()
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
  await prepareDatabase(owner)
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

async function explore(scenario: Scenario, order: Order, connectBy = connect): Promise<Exploration> {
  const world = new World(scenario, lane, owner, connectBy)
  const start = performance.now()
  const cpu = process.cpuUsage()
  try {
    const found = await new Explorer(world).run(order)
    const { states, transitions, ends, interleavings, replays } = found
    console.log(
      `${scenario.name}: ${states} states, ${transitions} steps, ${ends} ends, ${interleavings} interleavings, ${replays} replays, ${Math.round(performance.now() - start)} ms (own CPU ${Math.round(process.cpuUsage(cpu).user / 1000)} ms)`,
    )
    return found
  } finally {
    await world.close()
  }
}

test.each(plays.scenarios)('$name: every order keeps every promise', { timeout: 600_000 }, async (scenario) => {
  const { violation } = await explore(scenario, 'depth')
  expect([...(violation?.trace ?? []), ...(violation?.broken ?? [])]).toEqual([])
})

/** What a missing rule breaks must be seen, in the shortest order of steps that shows it. */
async function seeBroken(scenario: Scenario, what: RegExp): Promise<void> {
  const { violation } = await explore({ ...scenario, only: what }, 'breadth')
  console.log([...(violation?.trace ?? []), ...(violation?.broken ?? [])].map((line) => `  ${line}`).join('\n'))
  expect(violation?.broken.join()).toMatch(what)
}

test.each<[keyof typeof guards, Scenario, RegExp]>([
  ['fence', plays.lostClaim, /was ended while B holds it/],
  ['fenceKnowsWorker', plays.lostClaim, /was ended while B holds it/],
  ['laneLock', plays.twoClaimers, /two open claims hold one job/],
  ['openClaims', plays.twoClaimers, /two open claims hold one job/],
  ['oldestOpenClaim', plays.twoClaimers, /looks no more at the open claim/],
  ['workerIsKnown', plays.dyingClaimer, /belongs to a worker that was declared gone/],
  ['workerIsHeld', plays.dyingClaimer, /belongs to a worker that was declared gone/],
  ['freshIdsOnReturn', plays.handBack, /safe mark of B has passed job "1"/],
  ['freshIdsOnReap', plays.reapedBehindMarks, /safe mark of B has passed job "1"/],
  ['finishRaises', plays.twiceInTransactions, /the effect of job "1" was committed twice/],
])('without the guard %s a promise is seen to break', { timeout: 600_000 }, async (name, scenario, what) => {
  await runWithout(owner, guards[name], async () => await seeBroken(scenario, what))
})

test.each<[string, Scenario]>([
  ['always after the last claimed id', { ...plays.lateCommit, marks: MarkAfterLastId }],
  ['without waiting for older transactions', { ...plays.lateCommit, marks: MarkWithoutXmin }],
  ['stamped by the claim that saw the id', { ...plays.ownStamp, marks: MarkStampedByItself }],
  ['right, and a sender that draws its id first', plays.carelessSender],
])('a mark that is %s hides a job for ever', { timeout: 600_000 }, async (_name, scenario) => {
  await seeBroken(scenario, /has passed job "late"/)
})

const connectRepeatable = async () => {
  const client = await connect()
  await client.query(`set default_transaction_isolation = 'repeatable read'`)
  return client
}

// jobs_claim counts on a snapshot of its own for each statement; repeatable read takes one for all, before the lane's lock.
test('where repeatable read is the default a claim is refused', async () => {
  const client = await connectRepeatable()
  try {
    const claim = client.query(`select * from holdfast.jobs_claim(1, '{5}', '{0}', '{0}', 1)`)
    await expect(claim).rejects.toMatchObject({ code: '25001' })
  } finally {
    await client.end()
  }
})

test('without that refusal two open claims may hold one job', { timeout: 600_000 }, async () => {
  const workers = ['A', 'B'].map((name) => ({ name, claims: 1, ends: [], beginsEarly: true }))
  const scenario = { ...plays.twoClaimers, workers, only: /two open claims hold one job/ }
  await runWithout(owner, guards.isolation, async () => {
    const { violation } = await explore(scenario, 'breadth', connectRepeatable)
    expect(violation?.broken.join()).toMatch(/two open claims hold one job/)
  })
})

test('a worker whose lease runs is not declared gone, whoever asks; without the check it would be', async () => {
  const worker = await store.addWorker(box.db, 'alive', 60_000)
  const reap = async () => await owner.query('select holdfast.jobs_reap($1, false)', [worker])
  await reap()
  expect(await store.renewWorker(box.db, worker, false)).toBe(true)
  await runWithout(owner, guards.lease, reap)
  expect(await store.renewWorker(box.db, worker, false)).toBe(false)
})
