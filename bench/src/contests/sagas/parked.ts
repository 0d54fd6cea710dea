import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Db } from 'holdfast'
import { createSagas } from 'holdfast/sagas'
import { rateOf, runPairs } from '../../harness/pairs.js'
import { describeNoise, describeRates } from '../../harness/rates.js'
import { judgeCount, judgeRatio, round, summarize } from '../../harness/statistics.js'
import { findPercentile } from '../jobs/setting.js'
import { EVENT, loadParked, NEXT_SEQ, parkedId, parkedSaga } from './load-parked.js'
import { emptySagas } from './saga-tables.js'
import { AGAIN, EMPTY, PARKED, startProcess, type Part, type Setting } from './setting.js'
import { LANES } from './settings.js'

const full = { parked: 1_000_000, signals: 300 }
const quick = { parked: 20_000, signals: 20 }

const bound = { atLeast: 0.9 } as const
const module = 'sagas-holdfast'
const PATIENCE_MS = 30_000
const LOOK_MS = 5
/** So that signals come at any moment between two polls. */
const LONGEST_PAUSE_MS = 50

/** What a million sagas that wait for something cost those that run, and how soon one of them hears what it waits for. */
export const parked: Part = async (place) => {
  const sizes = place.input.quick ? quick : full
  const names = [EMPTY, PARKED, AGAIN]
  for (const name of names) await emptySagas(place.databases.urlOf(name))
  await loadParked(place.databases.urlOf(PARKED), sizes.parked)
  place.input.progress(`parked: ${sizes.parked} sagas are parked`)
  const { rounds, ratios } = await runPairs(
    {
      metric: 'parked',
      subjects: names.map((name) => ({ name, start: async () => await startWorker(place, name) })),
      turns: names.map((name) => ({ name, subject: name, metric: 'calls' })),
      bound,
      mixed: true,
      ratio: (each) => rateOf(each, PARKED) / rateOf(each, EMPTY),
    },
    place.input,
  )
  const wakeUps = await measureWakeUps(place, sizes)
  return {
    rows: [
      ...describeRates('parked', 'saga', rounds),
      describeNoise('parked', rounds, AGAIN, EMPTY),
      summarize(PARKED, 'wakeup', 'ms', wakeUps),
    ],
    checks: [
      judgeRatio('parked_over_empty', ratios, bound),
      judgeCount('wakeup_p99_ms', round(findPercentile(wakeUps, 0.99)), { atMost: 1_000 }),
    ],
  }
}

async function startWorker(place: Setting, name: string) {
  return await startProcess(place, name, { module, lanes: LANES })
}

/** One after the other, of sagas from all over the table. @unit ms */
async function measureWakeUps(place: Setting, { parked: amount, signals }: typeof full): Promise<number[]> {
  const worker = await startWorker(place, PARKED)
  const db = await connect({ url: place.databases.urlOf(PARKED) })
  const sagas = await createSagas(db, { sagas: [parkedSaga] })
  const times: number[] = []
  try {
    for (let n = 1; n <= signals; n++) {
      const id = parkedId(Math.floor((n * amount) / signals))
      await sagas.signal(id, EVENT)
      times.push(await waitForNext(db, id))
      await sleep(Math.random() * LONGEST_PAUSE_MS)
    }
    return times
  } finally {
    await sagas.close()
    await db.close()
    await worker.close()
  }
}

/** By the database's clock, from the signal to the record of the step after the wait. @unit ms */
async function waitForNext(db: Db, id: string): Promise<number> {
  const endsAt = performance.now() + PATIENCE_MS
  for (;;) {
    const { rows } = await db.query<{ ms: number }>(
      `select (extract(epoch from s.ended_at - g.sent_at) * 1000)::float8 as ms
         from holdfast.sagas_signals g join holdfast.sagas_steps s on s.saga = g.saga and s.seq = $2 where g.saga = $1`,
      [id, NEXT_SEQ],
    )
    const [row] = rows
    if (row) return row.ms
    if (performance.now() > endsAt) throw new Error(`Saga ${id} was not woken within ${PATIENCE_MS} ms.`)
    await sleep(LOOK_MS)
  }
}
