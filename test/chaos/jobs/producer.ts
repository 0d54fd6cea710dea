// A producer: sends jobs in transactions that write down what they sent, roll back a fifth of them, and leave some open
// for seconds. What the table says is what was committed, whatever the producer was told.
import type { Tx } from 'holdfast'
import { createJobs } from 'holdfast/jobs'
import { createRandom } from 'holdfast/prove'
import { wait } from '../invariants.js'
import { jobs as definitions } from './definitions.js'
import { insist, logger, openDb } from '../program.js'
import { keyOf, kindOf, type Kind, type ProgramOptions } from './protocol.js'

const { url, seed, count } = JSON.parse(process.argv[2] ?? '{}') as ProgramOptions
const random = createRandom(seed)
const db = await openDb(url)
const jobs = await insist(async () => await createJobs(db, { jobs: Object.values(definitions), logger }))

const onPurpose = new Error('rolled back on purpose')
let next = seed * 100_000_000
for (let done = 0; done < count;) {
  const size = Math.min(count - done, 1 + Math.floor(random() * 400))
  const numbers = Array.from({ length: size }, (_, index) => next + index)
  next += size
  const rollsBack = random() < 0.2
  const holdsMs = random() < 0.02 ? random() * 3_000 : 0
  try {
    await db.tx(async (tx) => {
      await sendAll(tx, numbers)
      await wait(holdsMs)
      if (rollsBack) throw onPurpose
    })
  } catch (error) {
    // Refused or unknown: the table tells. Only what came as far as COMMIT or ROLLBACK counts.
    if (error !== onPurpose) {
      await wait(50)
      continue
    }
  }
  done += size
  process.send?.({ sent: size })
}
await jobs.close()
await db.close({ deadlineMs: 1_000 })
process.disconnect?.()

async function sendAll(tx: Tx, numbers: readonly number[]): Promise<void> {
  await tx.query('insert into chaos_intents (n) select unnest($1::bigint[])', [numbers])
  const byKind: Record<Kind, number[]> = { tx: [], once: [], batch: [], keyed: [] }
  for (const n of numbers) byKind[kindOf(n)].push(n)
  for (const n of byKind.keyed) await jobs.send(tx, definitions.keyed, { n, fails: random() < 0.05 }, { key: keyOf(n) })
  for (const kind of ['tx', 'once', 'batch'] as const) {
    const payloads = byKind[kind].map((n) => ({ n, fails: random() < 0.05 }))
    if (payloads.length > 0) await jobs.sendMany(tx, definitions[kind], payloads)
  }
}
