// A worker: starts checkouts, runs its own and those of others, approves and cancels some. To be killed and stopped.
import { createHolds } from 'holdfast/holds'
import { createRandom } from 'holdfast/prove'
import { createSagas } from 'holdfast/sagas'
import { Tally, wait } from '../invariants.js'
import { insist, logger, openDb } from '../program.js'
import { takeTurns } from '../turns.js'
import { defineCheckouts } from './checkout.js'
import { EVENTS, LEASE_MS, seats, type WorkerOptions } from './protocol.js'

const LOOPS = 16
const { url, providerUrl, seed, isNew, isApart } = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions
const random = createRandom(seed)
const tally = new Tally()
const db = await openDb(url, { pool: { max: 12 }, deadlineMs: 5_000, txDeadlineMs: 10_000 })
const holds = await insist(async () => await createHolds(db, { from: [seats], logger }))
const checkouts = defineCheckouts({ db, holds, providerUrl, isApart })
const known = isNew ? checkouts : checkouts.slice(0, 1)
const sagas = await insist(async () => await createSagas(db, { sagas: known, logger }))
await insist(async () => await sagas.work({ leaseMs: LEASE_MS, pollMs: 100, graceMs: 1_000, concurrency: 60 }))
let next = 0

takeTurns({
  loops: LOOPS,
  tally,
  takeTurn,
  close: async () => {
    await sagas.close()
    await holds.close()
    await db.close({ deadlineMs: 1_000 })
  },
})

async function takeTurn(): Promise<void> {
  const id = `${process.pid}:${seed}:${next++}`
  const checkout = known[Math.floor(random() * known.length)] as (typeof checkouts)[0]
  const needsApproval = random() < 0.1
  const event = String(1 + Math.floor(random() * EVENTS))
  const order = { event, amount: 1 + Math.floor(random() * 3), customer: `customer:${id}`, needsApproval }
  if (random() < 0.2) await db.tx(async (tx) => void (await sagas.start(tx, checkout, order, { id })))
  else await sagas.start(checkout, order, { id })
  tally.add('started')
  if (random() < 0.03) tally.add((await sagas.cancel(id)) ? 'cancelled' : 'cancelled too late')
  if (needsApproval && random() < 0.8) {
    await wait(random() * 100)
    await sagas.signal(id, 'approved', undefined, { key: id })
    tally.add('approved')
  }
  await refundSome()
  const outcome = await sagas.result(checkout, id, { waitMs: 4_000 }).then(
    () => 'done',
    (error: { code?: string }) => String(error.code),
  )
  tally.add(`seen as ${outcome}`)
}

/** Not a saga's affair: there is always something to be sold. */
async function refundSome(): Promise<void> {
  await db.tx(async (tx) => {
    const [row] = await tx.sql<{ saga: string; hold_id: string }>`
      select t.saga, s.hold_id::text from chaos_tickets t join chaos_seat s on s.id = t.seat_id
       where not t.is_refunded limit 1 for update of t skip locked`
    if (row === undefined) return
    await tx.sql`update chaos_tickets set is_refunded = true where saga = ${row.saga}`
    await holds.release(tx, row.hold_id, { owner: `customer:${row.saga}`, confirmed: true })
    tally.add('refunded')
  })
}
