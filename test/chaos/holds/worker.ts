// A worker: holds, thinks, then confirms with an order, releases, or forgets; refunds where nothing is left. To be killed
// and stopped.
import { isHoldfastError, type Tx } from 'holdfast'
import { createHolds, type Hold, type HoldOptions, type Stock, type Units } from 'holdfast/holds'
import { createRandom } from 'holdfast/prove'
import { Tally, wait } from '../invariants.js'
import { insist, logger, openDb } from '../program.js'
import { onPurpose, takeTurns } from '../turns.js'
import { listUnits, MOST_TTL_MS, resources, sources, type WorkerOptions } from './protocol.js'

const LOOPS = 24
const TRIES = 20
/** Keys that all processes have in common. */
const COMMON_KEYS = 20

interface Want {
  from: Stock | Units
  resource: string
  what: { quantity: number } | { units: string[] } | { any: number }
  options: HoldOptions & { owner?: string; ttlMs: number }
}

const { url, seed, isApart } = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions
const random = createRandom(seed)
const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
const tally = new Tally()
const db = await openDb(url, { pool: { max: 12 }, deadlineMs: 5_000, txDeadlineMs: 10_000 })
const holds = await insist(async () => await createHolds(db, { from: sources, logger }))
/** A process knows its retries by keys, or lets what was lost expire: without keys holds are taken in another way. */
const hasKeys = random() < 0.6
let next = 0

takeTurns({
  loops: LOOPS,
  tally,
  takeTurn,
  close: async () => {
    await holds.close()
    await db.close({ deadlineMs: 1_000 })
  },
})

async function takeTurn(): Promise<void> {
  if (random() < 0.05) return await shareKey()
  const want = describeWant()
  const held = hasKeys && random() < 0.1 ? await holdTwice(want) : await holdAgainAndAgain(want)
  if (held === undefined) return await refundOne(want)
  tally.add('held')
  await think(want.options.ttlMs)
  const dice = random()
  if (dice < 0.55) await order(want, held)
  else if (dice < 0.8) await release(want, held)
  else tally.add('left to expire')
}

function describeWant(): Want {
  const [from, resource, name] = [pick(sources), pick(resources), `${process.pid}:${next++}`]
  const ttlMs = MOST_TTL_MS * (0.2 + 0.8 * random())
  const options = { ...(hasKeys && { key: `cart:${name}` }), owner: `customer:${name}`, ttlMs, waitMs: 50 }
  const amount = 1 + Math.floor(random() * 4)
  if (from.kind === 'stock') return { from, resource, what: { quantity: amount }, options }
  if (random() < 0.5) return { from, resource, what: { any: amount }, options }
  const units = Array.from({ length: amount }, () => pick(listUnits(resource)))
  return { from, resource, what: { units: [...new Set(units)] }, options }
}

async function hold({ from, resource, what, options }: Want): Promise<Hold> {
  return await holds.hold(from as Units, resource, what as { any: number }, options)
}

/** As whoever got no answer does: with the same key. Undefined: there is not so much. */
async function holdAgainAndAgain(want: Want): Promise<Hold | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const held = await hold(want)
      if (!held.isNew && tries > 1) tally.add('found again after a lost answer')
      return held
    } catch (error) {
      if (isHoldfastError(error, 'HF_HOLDS_SOLD_OUT') || isHoldfastError(error, 'HF_HOLDS_TAKEN')) return undefined
      if (tries === TRIES) throw error
      tally.add('asked again')
      await wait(20 + random() * 80)
    }
  }
}

async function holdTwice(want: Want): Promise<Hold | undefined> {
  const began = performance.now()
  const both = await Promise.all([holdAgainAndAgain(want), holdAgainAndAgain(want)])
  const isTwo = both.every((held) => held?.isNew === true) && both[0]?.id !== both[1]?.id
  // One that came too late finds that the first has expired.
  if (isTwo && performance.now() - began < want.options.ttlMs / 2) tally.add('two holds for one key')
  return both[0] ?? both[1]
}

/** Other processes ask for the same; nobody confirms it. */
async function shareKey(): Promise<void> {
  const key = `common:${Math.floor(random() * COMMON_KEYS)}`
  const from = pick(sources.slice(0, 2))
  const options = { key, ttlMs: MOST_TTL_MS }
  const held = await holdAgainAndAgain({ from, resource: pick(resources), what: { quantity: 1 }, options })
  tally.add('asked for a common key')
  if (held !== undefined && random() < 0.5) await holds.release(held.id)
}

async function order(want: Want, held: Hold): Promise<void> {
  if (isApart) await db.tx(async (tx) => await confirm(tx, want, held))
  await db.tx(async (tx) => {
    if (!isApart) await confirm(tx, want, held)
    await insertOrder(tx, want, held)
    if (random() < 0.02) await wait(random() * 50)
    if (random() < 0.05) throw onPurpose
  })
  tally.add('ordered')
}

async function confirm(tx: Tx, { options: { owner } }: Want, { id }: Hold): Promise<void> {
  await holds.confirm(tx, id, { ...(owner && { owner }) })
}

async function insertOrder(tx: Tx, { options: { key, owner } }: Want, held: Hold): Promise<void> {
  const { id, from, resource, quantity, units } = held
  await tx.sql`insert into chaos_orders (hold_id, source, resource, quantity, units, key, owner)
    values (${id}, ${from}, ${resource}, ${quantity}, ${units}, ${key ?? null}, ${owner})`
}

async function release({ options: { owner } }: Want, { id }: Hold): Promise<void> {
  await holds.release(id, { ...(owner && { owner }) })
  tally.add('released')
}

/** So that there is something to be had again. */
async function refundOne({ from, resource }: Want): Promise<void> {
  tally.add('nothing left')
  await db.tx(async (tx) => {
    const [found] = await tx.sql<{ hold_id: string; owner: string }>`delete from chaos_orders where hold_id =
      (select hold_id from chaos_orders where source = ${from.name} and resource = ${resource}
        order by random() limit 1 for update skip locked) returning hold_id, owner`
    if (found === undefined) return
    await holds.release(tx, found.hold_id, { owner: found.owner, confirmed: true })
    if (random() < 0.05) throw onPurpose
    tally.add('refunded')
  })
}

/** Some think for longer than they may. */
async function think(ttlMs: number): Promise<void> {
  const dice = random()
  if (dice < 0.3) await wait(dice * 50)
  else if (dice > 0.99) await wait(ttlMs * (0.9 + 0.3 * random()))
}
