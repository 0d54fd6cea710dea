import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { connect } from 'holdfast'
import { createSagas, defineSaga, type Sagas } from 'holdfast/sagas'
import { order } from './saga-process.js'

const CHUNK = 250_000
const LOOK_MS = 10
const MONTH_MS = 30 * 86_400_000

export const EVENT = 'go'
/** Of what follows the wait. */
export const NEXT_SEQ = 2

/** Waits for somebody, and then has one step to do. */
export const parkedSaga = defineSaga('bench_parked', { version: 1, timeoutMs: MONTH_MS }, async (s) => {
  await s.waitFor(EVENT)
  await s.call('go on', { do: () => {} })
})

/** As many as there are, by number. */
export const parkedId = (n: number): string => `parked:${n}`

/** One is parked by the product itself and then copied: every column is as it writes them. Each is due at a time of its own. */
export async function loadParked(url: string, amount: number): Promise<void> {
  const db = await connect({ url })
  const sagas = await createSagas(db, { sagas: [parkedSaga] })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const original = await parkOne(sagas)
    await client.query('set synchronous_commit = off')
    for (let from = 1; from <= amount; from += CHUNK)
      await client.query(copyParked, [original, from, Math.min(from + CHUNK - 1, amount)])
    await client.query('vacuum analyze holdfast.sagas_instances')
  } finally {
    await client.end()
    await sagas.close()
    await db.close()
  }
}

const copyParked = `
  insert into holdfast.sagas_instances
  select copy.* from holdfast.sagas_instances i
    cross join generate_series($2::integer, $3::integer) n
    cross join lateral jsonb_populate_record(i, jsonb_build_object(
      'id', 'parked:' || n, 'wake_at', i.wake_at + n * interval '1 ms', 'ends_by', i.ends_by + n * interval '1 ms')) copy
   where i.id = $1`

async function parkOne(sagas: Sagas): Promise<string> {
  const worker = await sagas.work()
  const { id } = await sagas.start(parkedSaga, order)
  while ((await sagas.get(id))?.state !== 'waiting') await sleep(LOOK_MS)
  await worker.stop()
  return id
}
