import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { parseClaim, type ClaimedJob } from '../../src/jobs/claimed-job.js'
import * as store from '../../src/jobs/store.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { runWithout, type Guard } from './explore/guards.js'

// Limits per key, driven through the real store functions: random orders of all that can happen to a job, and the two
// orders in which a claim that parks and the end of a job of the same key can overlap.

let box: TestDatabase
let db: Db
/** Holds a transaction open while `db` goes on. */
let aside: Db
let owner: pg.Client
beforeAll(async () => {
  box = await openTestDatabase()
  db = box.db
  aside = await connectTo({ url: box.url, heartbeatMs: 600_000 })
  owner = new pg.Client({ connectionString: box.ownerUrl })
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await aside.close()
  await box.close()
})
beforeEach(async () => {
  for (const table of ['jobs_ready', 'jobs_waiting', 'jobs_claims', 'jobs_later', 'jobs_dead', 'jobs_workers'])
    await db.query(`delete from holdfast.${table}`)
})

const addWorker = async () => await store.addWorker(db, 'test', 60_000)

async function sendKeyed(lane: number, key: string): Promise<string> {
  const [sent] = await store.sendRich(db, [{ lane, at: null, key, ukey: null, body: JSON.stringify(key) }])
  return (sent as store.SentRow).id
}

interface Held {
  job: string
  key: string
  worker: string
  claimed: ClaimedJob
}

async function claim(worker: string, lanes: readonly number[], most: number): Promise<Held[]> {
  const none = lanes.map(() => 0)
  const rows = await store.claim(db, worker, lanes, none, none, most)
  return rows.flatMap((row) =>
    (row.amount === 0 ? [] : parseClaim(row)).map((claimed) => ({
      job: String(claimed.origin ?? claimed.id),
      key: JSON.parse(claimed.body) as string,
      worker,
      claimed,
    })),
  )
}

async function finish({ worker, claimed: { lane, id, cid } }: Held, on: Pick<Db, 'query'> = db): Promise<number> {
  return await store.complete(on as Db, worker, { lane, lo: [id], hi: [id], cids: [cid], ended: [], frees: true })
}

type Step =
  | { do: 'send'; key: string; priority: number }
  | { do: 'claim'; who: 0 | 1; most: number }
  | { do: 'finish' | 'return' | 'fail'; nth: number }
  | { do: 'cancel'; nth: number }
  | { do: 'die'; who: 0 | 1 }

const nth = fc.nat({ max: 50 })
const who = fc.constantFrom<0 | 1>(0, 1)
const stepsOf = (priorities: readonly number[], ends: ('return' | 'fail' | 'cancel')[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('send' as const),
          key: fc.constantFrom('a', 'b', 'c'),
          priority: fc.constantFrom(...priorities),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('claim' as const), who, most: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), nth }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constantFrom(...ends), nth }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), who }) },
    ),
    { minLength: 5, maxLength: 40 },
  )

/** What must hold, whatever happens: kept beside the database. */
class Model {
  /** Waiting jobs, with their places in the order of their key. */
  readonly waiting = new Map<string, { key: string; place: number }>()
  held: Held[] = []
  #places = 0
  readonly #queue: number
  readonly #perKey: number
  readonly #isOrdered: boolean
  readonly #workers: string[]

  constructor(queue: number, perKey: number, isOrdered: boolean, workers: string[]) {
    this.#queue = queue
    this.#perKey = perKey
    this.#isOrdered = isOrdered
    this.#workers = workers
  }

  async play(step: Step): Promise<void> {
    if (step.do === 'send') this.#wait(await sendKeyed(this.#queue * 4 + step.priority, step.key), step.key)
    else if (step.do === 'claim') await this.claim(this.#workers[step.who] as string, step.most)
    else if (step.do === 'die') await this.#die(step.who)
    else if (step.do === 'cancel') await this.#cancel(step.nth)
    else await this.#end(step.do, step.nth)
  }

  #wait(job: string, key: string, place = this.#places++): void {
    this.waiting.set(job, { key, place })
  }

  readonly #placeOf = new Map<string, number>()

  async claim(worker: string, most: number): Promise<number> {
    const got = await claim(
      worker,
      [0, 1, 2].map((priority) => this.#queue * 4 + priority),
      most,
    )
    const places = new Map([...this.waiting].map(([job, { place }]) => [job, place]))
    for (const held of got.toSorted((a, b) => (places.get(a.job) ?? 0) - (places.get(b.job) ?? 0))) {
      const own = this.waiting.get(held.job)
      if (own === undefined) throw new Error(`Job ${held.job} was claimed, and it does not wait.`)
      const first = Math.min(
        ...[...this.waiting.values()].filter(({ key }) => key === held.key).map(({ place }) => place),
      )
      if (this.#isOrdered) expect(own.place, 'the next of its key').toBe(first)
      this.waiting.delete(held.job)
      this.#placeOf.set(held.job, own.place)
      this.held.push(held)
    }
    for (const key of ['a', 'b', 'c'])
      expect(this.held.filter((held) => held.key === key).length).toBeLessThanOrEqual(this.#perKey)
    return got.length
  }

  async #end(how: 'finish' | 'return' | 'fail', n: number): Promise<void> {
    if (this.held.length === 0) return
    const [held] = this.held.splice(n % this.held.length, 1) as [Held]
    const { worker, claimed } = held
    if (how === 'finish') expect(await finish(held)).toBe(1)
    else if (how === 'return') {
      await store.giveBack(db, worker, claimed.lane, [claimed.id], [claimed.cid])
      this.#wait(held.job, held.key, this.#placeOf.get(held.job))
    } else {
      const failure = { id: claimed.id, cid: claimed.cid, runAt: new Date(0), error: { message: 'once' } }
      await store.fail(db, worker, claimed.lane, [failure])
      this.#wait(held.job, held.key)
    }
  }

  async #cancel(n: number): Promise<void> {
    const jobs = [...this.waiting.keys()]
    const job = jobs[n % jobs.length]
    if (job === undefined) return
    const { rows } = await db.query<{ done: boolean }>('select holdfast.jobs_cancel($1) as done', [job])
    expect(rows).toEqual([{ done: true }])
    this.waiting.delete(job)
  }

  async #die(n: 0 | 1): Promise<void> {
    const worker = this.#workers[n] as string
    await db.query(`update holdfast.jobs_workers set seen_at = now() - interval '1 day' where id = $1`, [worker])
    await store.reapWorkers(db, '0')
    for (const held of this.held.filter((one) => one.worker === worker))
      this.#wait(held.job, held.key, this.#placeOf.get(held.job))
    this.held = this.held.filter((one) => one.worker !== worker)
    this.#workers[n] = await addWorker()
  }

  /** Whatever is left can be worked off: nobody waits for what never comes. */
  async drain(): Promise<void> {
    for (let round = 0; this.waiting.size + this.held.length > 0; round++) {
      if (round > 500) throw new Error(`Jobs that nobody gets: ${[...this.waiting.keys()].join(', ')}`)
      await this.claim(this.#workers[round % 2] as string, 3)
      for (const held of this.held.splice(0)) await finish(held)
    }
    const { rows } = await db.query(
      `select id from holdfast.jobs_ready where lane >> 2 = $1 union all select id from holdfast.jobs_waiting where queue = $1`,
      [this.#queue],
    )
    expect(rows).toEqual([])
  }
}

let queues = 0
async function playAll(steps: readonly Step[], perKey: number, isOrdered: boolean): Promise<void> {
  const queue = await store.registerQueue(db, `keys-${queues++}`, 1_000, 0, perKey)
  const model = new Model(queue, perKey, isOrdered, [await addWorker(), await addWorker()])
  for (const step of steps) await model.play(step)
  await model.drain()
}

describe('whatever happens, no key has more jobs than it may, and every job gets its turn', () => {
  const runs = { numRuns: Number(process.env.HOLDFAST_RUNS ?? 60) }
  test('one at a time, in the order of each key', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf([1], ['return', 'cancel']), async (steps) => await playAll(steps, 1, true)),
      runs,
    )
  })
  test('two at a time', async () => {
    await fc.assert(
      fc.asyncProperty(stepsOf([1], ['return', 'cancel']), async (steps) => await playAll(steps, 2, true)),
      runs,
    )
  })
  test('one at a time, in three priorities', async () => {
    await fc.assert(
      fc.asyncProperty(
        stepsOf([0, 1, 2], ['return', 'cancel', 'fail']),
        async (steps) => await playAll(steps, 1, false),
      ),
      runs,
    )
  })
})

describe('a claim that parks and the end of the job that it parked for', () => {
  const lock: Guard = { in: 'jobs_count_running', text: ' for key share skip locked', without: '' }
  const notSure: Guard = { in: 'jobs_park', text: 'not j.is_sure', without: 'false' }

  async function openPair() {
    const lane = (await store.registerQueue(db, `pair-${queues++}`, 3, 0, 1)) * 4 + 1
    const [first, second] = [await addWorker(), await addWorker()]
    await sendKeyed(lane, 'k')
    const [running] = await claim(first, [lane], 10)
    const job = await sendKeyed(lane, 'k')
    return { lane, second, job, running: running as Held }
  }

  /** The claim is open while the job ends. */
  async function parkFirst(): Promise<Held[]> {
    const { lane, second, running } = await openPair()
    let ending: Promise<number> | undefined
    let isOver = false
    await aside.tx(async (tx) => {
      await store.claim(tx, second, [lane], [0], [0], 10)
      ending = finish(running).finally(() => (isOver = true))
      // It waits, or it is over.
      await eventually(async () => {
        const { rows } = await db.query(`select from pg_locks where not granted and locktype = 'transactionid'`)
        expect(isOver || rows.length > 0).toBe(true)
      })
    })
    expect(await ending).toBe(1)
    return await claim(second, [lane], 10)
  }

  /** The end is open while the job is found. */
  async function endFirst(isKept: boolean): Promise<{ during: Held[]; after: Held[] }> {
    const { lane, second, running } = await openPair()
    let during: Held[] = []
    const ending = aside.tx(async (tx) => {
      expect(await finish(running, tx)).toBe(1)
      during = await claim(second, [lane], 10)
      if (!isKept) throw new Error('rolled back')
    })
    if (isKept) await ending
    else await expect(ending).rejects.toThrow('rolled back')
    return { during, after: await claim(second, [lane], 10) }
  }

  test('the end waits for the parking, and frees what was parked', async () => {
    expect(await parkFirst()).toHaveLength(1)
  })

  test('without the lock on the running job what was parked is never freed', async () => {
    expect(await runWithout(owner, lock, parkFirst)).toEqual([])
  })

  test('a job that is being ended still has its place; what was parked for it is looked at again', async () => {
    const { during, after } = await endFirst(true)
    expect(during).toEqual([])
    expect(after).toHaveLength(1)
  })

  test('without that second look it is never freed', async () => {
    const { after } = await runWithout(owner, notSure, async () => await endFirst(true))
    expect(after).toEqual([])
  })

  test('an end that is rolled back keeps the place', async () => {
    const { during, after } = await endFirst(false)
    expect([during, after]).toEqual([[], []])
  })
})
