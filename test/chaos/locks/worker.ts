// A worker: takes locks, reads under them, thinks, and writes behind their fences; to be killed and stopped.
import type { Tx } from 'holdfast'
import type { Lock } from 'holdfast/locks'
import { createRandom } from 'holdfast/prove'
import { Tally, wait } from '../invariants.js'
import { openDb } from '../program.js'
import { onPurpose, takeTurns } from '../turns.js'
import { openLocks } from './open-locks.js'
import { COLD_KEYS, HOT_KEYS, nameCold, nameHot, nameShort, SHORT_KEYS, type WorkerOptions } from './protocol.js'

const LOOPS = 24

const { url, seed, ttlMs, waitMs, redisPort } = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions
const random = createRandom(seed)
const pick = (count: number) => Math.floor(random() * count)
const tally = new Tally()
const db = await openDb(url, { pool: { max: 12 }, deadlineMs: 5_000, txDeadlineMs: 10_000 })
const locks = openLocks(db, redisPort, { ttlMs, waitMs })
let isOver = false

takeTurns({
  loops: LOOPS,
  tally,
  takeTurn,
  close: async () => {
    isOver = true
    await locks.close()
    await db.close({ deadlineMs: 1_000 })
  },
})
await keepBusy()

/** Its heart goes on while nothing else is held: what it forgot to release would be held by it for ever. */
async function keepBusy(): Promise<void> {
  while (!isOver) {
    try {
      await using lock = await locks.acquire(`anchor:${process.pid}`)
      await new Promise((resolve) => lock.signal.addEventListener('abort', resolve))
    } catch {
      await wait(100)
    }
  }
}

async function takeTurn(): Promise<void> {
  const dice = random()
  if (dice < 0.1) await takeShort()
  else if (dice < 0.25) await readShared(pickKey())
  else if (dice < 0.35) await writeIfFree(pickKey())
  else if (dice < 0.5) await writeUnder([...new Set([pickKey(), pickKey(), pickKey()])])
  else await writeUnder([pickKey()])
}

function pickKey(): string {
  return random() < 0.3 ? nameHot(pick(HOT_KEYS)) : nameCold(pick(COLD_KEYS))
}

async function writeUnder(keys: readonly string[]): Promise<void> {
  const askedAt = performance.now()
  await locks.run(keys, async (lock) => {
    watch(lock, askedAt)
    await readThinkWrite(lock)
  })
}

async function writeIfFree(key: string): Promise<void> {
  const askedAt = performance.now()
  await using lock = await locks.tryAcquire(key)
  if (lock === undefined) return tally.add('tried and not had')
  watch(lock, askedAt)
  await readThinkWrite(lock)
}

/** Asking is a sign of life: whatever has happened before, it is good for nearly ttlMs. */
function watch(lock: Lock, askedAt: number): void {
  tally.add('acquired')
  if (lock.keys.length > 1) tally.add('several keys at once')
  const noteLoss = () => {
    if (!isOver && performance.now() - askedAt < ttlMs * 0.8) tally.add('lost before their leases')
  }
  if (lock.isHeld) lock.signal.addEventListener('abort', noteLoss)
  else noteLoss()
}

async function readThinkWrite(lock: Lock): Promise<void> {
  const text = 'select key, value from chaos_rows where key = any($1)'
  const { rows } = await db.query<{ key: string; value: string }>(text, [lock.keys])
  await think()
  await lock.fenced(async (tx) => {
    await write(tx, lock.fence, rows)
    if (random() < 0.02) await wait(random() * 50)
    if (random() < 0.03) throw onPurpose
  })
  tally.add('written')
}

/** Under the lock of the row `n` is drawn: in the order of the commits. */
async function write(tx: Tx, fence: bigint | null, rows: readonly { key: string; value: string }[]): Promise<void> {
  const text = `with written as (
      update chaos_rows r set value = u.value + 1 from unnest($1::text[], $2::bigint[]) u (key, value)
       where r.key = u.key returning r.key, r.value)
    insert into chaos_history (key, value, fence, ticket)
    select w.key, w.value, $3::bigint, (select q.ticket from holdfast.locks_requests q where q.key = w.key and q.fence = $3)
      from written w`
  await tx.query(text, [rows.map(({ key }) => key), rows.map(({ value }) => value), fence?.toString() ?? null])
}

/** Reads, thinks, and reads again: nobody who is alone with the key has written meanwhile. */
async function readShared(key: string): Promise<void> {
  const body = async (lock: Lock) =>
    await lock.fenced(async (tx) => {
      const [before] = await tx.sql<{ value: string }>`select value from chaos_rows where key = ${key}`
      await think()
      await tx.sql`insert into chaos_reads (key, before, after, fence, ticket)
        select r.key, ${before?.value}::bigint, r.value, ${lock.fence.toString()}::bigint, q.ticket
          from chaos_rows r left join holdfast.locks_requests q on q.key = r.key and q.fence = ${lock.fence.toString()}::bigint
         where r.key = ${key}`
    })
  const askedAt = performance.now()
  const watched = async (lock: Lock) => {
    watch(lock, askedAt)
    await body(lock)
  }
  await locks.run(key, watched, { mode: 'shared' })
  tally.add('read under a shared one')
}

async function takeShort(): Promise<void> {
  const key = nameShort(pick(SHORT_KEYS))
  await locks.short(key, async (tx) => {
    tally.add('acquired')
    const rows = await tx.sql<{ key: string; value: string }>`select key, value from chaos_rows where key = ${key}`
    if (random() < 0.1) await think()
    await write(tx, null, rows)
    if (random() < 0.03) throw onPurpose
  })
  tally.add('written under a short one')
}

async function think(): Promise<void> {
  const dice = random()
  if (dice < 0.3) await wait(dice * 10)
  else if (dice > 0.995) await wait(100)
}
