import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { judgeCount, summarize } from '../../harness/statistics.js'
import type { SubjectProcess } from '../../harness/subjects.js'
import type { Row } from '../../harness/types.js'
import { openSidePool } from '../jobs/effects.js'
import { countRepeated, emptySagas } from './saga-tables.js'
import { DBOS, HOLDFAST, startProcess, type Part, type Setting } from './setting.js'
import { DEPLOY_STEPS, SLOW_SAGAS, SLOW_STEP_MS } from './settings.js'

const full = { generations: 6, bothMs: 1_500, aloneMs: 1_500 }
const quick = { generations: 3, bothMs: 500, aloneMs: 500 }
/** Who is left has so long to end everything. */
const LAST_MS = 5_000

/** Of each workflow of the peer. */
const PEER_STEPS = 10
const PATIENCE_MS = 60_000

/**
 * Releases follow each other under load. The next one comes up beside the one that works, then that one gets SIGTERM in the
 * middle of its sagas. In the end effects of transactions are counted that happened twice, and sagas that have not ended.
 */
export const deploy: Part = async (place) => {
  const url = place.databases.urlOf(HOLDFAST)
  await emptySagas(url)
  const side = openSidePool(url)
  try {
    await runGenerations(place)
    const { sagas, stranded } = await readEnds(side)
    const doubles = await countRepeated(side, 'bench_effects')
    const repeated = await countRepeated(side, 'bench_calls')
    place.input.progress(`deploy: ${sagas} sagas, ${stranded} have not ended, ${repeated} calls were made again`)
    return {
      rows: [
        summarize(HOLDFAST, 'deploy_sagas', 'sagas', [sagas]),
        summarize(HOLDFAST, 'deploy_calls_repeated', 'calls', [repeated]),
        await countTwice(place),
      ],
      checks: [
        judgeCount('deploy_double_effects', doubles, { atMost: 0 }),
        judgeCount('deploy_stranded', stranded, { atMost: 0 }),
      ],
    }
  } finally {
    await side.end()
  }
}

async function runGenerations(place: Setting): Promise<void> {
  const { generations, bothMs, aloneMs } = place.input.quick ? quick : full
  const release = async (version: number) => {
    const env = { HOLDFAST_BENCH_VERSION: String(version) }
    const started = await startProcess(place, HOLDFAST, { module: 'sagas-deploy-holdfast', env })
    await started.run('begin', 0)
    return started
  }
  let working: SubjectProcess = await release(1)
  try {
    for (let version = 2; version <= generations; version++) {
      await sleep(aloneMs)
      const next = await release(version)
      await sleep(bothMs)
      const before = working
      working = next
      await before.terminate()
    }
    await sleep(aloneMs)
    await working.run('end', 0)
    await sleep(LAST_MS)
  } finally {
    await working.close()
  }
}

/** Throws where one is done and an effect of it is missing: that is worse than what is counted. */
async function readEnds(side: Pool): Promise<{ sagas: number; stranded: number }> {
  const { rows } = await side.query<{ sagas: number; stranded: number; short: number }>(
    `select count(*)::integer as sagas,
            count(*) filter (where state not in ('done', 'compensated'))::integer as stranded,
            count(*) filter (where state = 'done' and effects < $1)::integer as short
       from holdfast.sagas_instances i
      cross join lateral (select count(distinct e.step) as effects from bench_effects e where e.saga = i.id) e`,
    [DEPLOY_STEPS],
  )
  const [ends] = rows as [{ sagas: number; stranded: number; short: number }]
  if (ends.short > 0) throw new Error(`Of ${ends.sagas} sagas ${ends.short} are done without all their effects.`)
  return ends
}

/**
 * A second process of the same version and name comes up beside the first; without a name all are "local". What was the
 * first one's is taken for what was left by a process that is gone.
 */
async function countTwice(place: Setting): Promise<Row> {
  const env = { HOLDFAST_BENCH_STEPS: String(PEER_STEPS) }
  const start = async () => await startProcess(place, DBOS, { module: 'sagas-slow-dbos', env })
  const first = await start()
  const side = openSidePool(place.databases.urlOf(DBOS))
  try {
    await first.run('begin', SLOW_SAGAS)
    await sleep(3 * SLOW_STEP_MS)
    const second = await start()
    await waitForWorkflows(side)
    const twice = await countRepeated(side, 'bench_runs')
    place.input.progress(`deploy: ${twice} of ${SLOW_SAGAS * PEER_STEPS} steps of ${DBOS} were executed twice`)
    await second.close()
    const unit = `of ${SLOW_SAGAS * PEER_STEPS} steps`
    return summarize(`${DBOS} (executor id "local" twice)`, 'deploy_steps_twice', unit, [twice])
  } finally {
    await first.close()
    await side.query('truncate dbos.workflow_status, bench_runs cascade')
    await side.end()
  }
}

async function waitForWorkflows(side: Pool): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS
  for (;;) {
    const { rows } = await side.query(
      `select from dbos.workflow_status where status in ('PENDING', 'ENQUEUED', 'DELAYED') limit 1`,
    )
    if (rows.length === 0) return
    if (performance.now() > endsAt) throw new Error(`Workflows of ${DBOS} have not ended within ${PATIENCE_MS} ms.`)
    await sleep(100)
  }
}
