import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { judgeCount, round, summarize } from '../../harness/statistics.js'
import type { Row } from '../../harness/types.js'
import { openSidePool } from '../jobs/effects.js'
import { emptySagas } from './saga-tables.js'
import { DBOS, HOLDFAST, startProcess, type Part, type Setting } from './setting.js'
import { LEASE_MS, SLOW_SAGAS, SLOW_STEP_MS } from './settings.js'

const full = { rounds: 10, peerWaitMs: 8_000 }
const quick = { rounds: 2, peerWaitMs: 3_000 }

/** Every saga has taken a few steps. */
const GOING_MS = 3 * SLOW_STEP_MS
/** Until the server has noticed that a client is gone, and has done what that one had asked for. */
const GONE_MS = 300
const PATIENCE_MS = 30_000
const LOOK_MS = 100

/**
 * A process is killed with -9 in the middle of its sagas, while another one lives. Its lease has to run out first, and a
 * step takes its time: what is told is the rest, until the last of the sagas has recorded a step of the new owner's. A
 * round is killed at another moment between two heartbeats.
 */
export const recovery: Part = async (place) => {
  const { rounds, peerWaitMs } = place.input.quick ? quick : full
  const overs: number[] = []
  for (let n = 0; n < rounds; n++) {
    overs.push(await runRound(place, ((n / rounds) * LEASE_MS) / 3))
    place.input.progress(`recovery: ${overs.at(-1)?.toFixed(0)} ms over the lease`)
  }
  return {
    rows: [summarize(HOLDFAST, 'recovery_over_lease', 'ms', overs), await countPending(place, peerWaitMs)],
    checks: [judgeCount('recovery_over_lease_ms', round(Math.max(...overs)), { atMost: 1_000 })],
  }
}

async function runRound(place: Setting, laterMs: number): Promise<number> {
  const module = 'sagas-slow-holdfast'
  const url = place.databases.urlOf(HOLDFAST)
  await emptySagas(url)
  const survivor = await startProcess(place, HOLDFAST, { module })
  const victim = await startProcess(place, HOLDFAST, { module })
  const side = openSidePool(url)
  try {
    await victim.run('begin', SLOW_SAGAS)
    await sleep(GOING_MS + laterMs)
    const killedAt = await readClock(side)
    await victim.kill()
    await sleep(GONE_MS)
    const afterMs = await waitForSteps(side, killedAt, await readClock(side))
    return afterMs - LEASE_MS - SLOW_STEP_MS
  } finally {
    await victim.kill()
    await survivor.close()
    await side.end()
  }
}

/** The database's, as it dates the steps; with all its digits. */
async function readClock(side: Pool): Promise<string> {
  const { rows } = await side.query<{ now: string }>('select clock_timestamp()::text as now')
  return (rows[0] as { now: string }).now
}

/** Of each saga the first step recorded since `goneAt`, when there was only the other process; gives the last of these, since `killedAt`. @unit ms */
async function waitForSteps(side: Pool, killedAt: string, goneAt: string): Promise<number> {
  const endsAt = performance.now() + PATIENCE_MS
  for (;;) {
    const { rows } = await side.query<{ sagas: number; going: number; ms: number }>(
      `select count(*)::integer as sagas, count(s.at)::integer as going,
              (extract(epoch from max(s.at) - $1::timestamptz) * 1000)::float8 as ms
         from holdfast.sagas_instances i
         left join lateral (select min(ended_at) as at from holdfast.sagas_steps where saga = i.id and ended_at > $2) s on true`,
      [killedAt, goneAt],
    )
    const { sagas, going, ms } = rows[0] as { sagas: number; going: number; ms: number }
    if (sagas !== SLOW_SAGAS) throw new Error(`There are ${sagas} sagas instead of ${SLOW_SAGAS}.`)
    if (going === sagas) return ms
    if (performance.now() > endsAt)
      throw new Error(`Of ${sagas} sagas ${going} go on ${PATIENCE_MS} ms after the kill.`)
    await sleep(LOOK_MS)
  }
}

/** Two processes of one version with an executor id each, as its documentation has them where there is no Conductor. */
async function countPending(place: Setting, waitMs: number): Promise<Row> {
  const start = async (name: string) =>
    await startProcess(place, DBOS, {
      module: 'sagas-slow-dbos',
      env: { HOLDFAST_BENCH_EXECUTOR: name, HOLDFAST_BENCH_STEPS: '1000' },
    })
  const survivor = await start('survivor')
  const victim = await start('victim')
  const side = openSidePool(place.databases.urlOf(DBOS))
  try {
    await victim.run('begin', SLOW_SAGAS)
    await sleep(GOING_MS)
    await victim.kill()
    await sleep(waitMs)
    const { rows } = await side.query<{ pending: number }>(
      `select count(*)::integer as pending from dbos.workflow_status where status = 'PENDING' and executor_id = 'victim'`,
    )
    const { pending } = rows[0] as { pending: number }
    place.input.progress(`recovery: of ${SLOW_SAGAS} workflows of ${DBOS} ${pending} are pending after ${waitMs} ms`)
    const metric = `recovery_pending_after_${waitMs / 1_000}s`
    return summarize(`${DBOS} (no Conductor)`, metric, `of ${SLOW_SAGAS} workflows`, [pending])
  } finally {
    await victim.kill()
    await survivor.close()
    await side.query('truncate dbos.workflow_status cascade')
    await side.end()
  }
}
