import { createRequire } from 'node:module'
import { createDatabases } from '../harness/databases.js'
import { refuseLossyServer } from '../harness/durability.js'
import { chooseParts } from '../harness/parts.js'
import { installPeers } from '../harness/peers.js'
import { startRedis } from '../harness/redis.js'
import type { Check, Contest, ContestInput, Row } from '../harness/types.js'
import { backlog } from './jobs/backlog.js'
import { busy } from './jobs/busy.js'
import { exactlyOnce } from './jobs/exactly-once.js'
import { held } from './jobs/held.js'
import { latency } from './jobs/latency.js'
import { batchEnqueue, drain, singleEnqueue } from './jobs/rates.js'
import { designs } from './jobs/designs.js'
import { settings } from './jobs/settings.js'
import { BULLMQ, onPostgres, type Part } from './jobs/setting.js'
import { reruns } from './jobs/reruns.js'
import { transactions } from './jobs/transactions.js'

const peerNames = ['graphile-worker', 'pg-boss', 'bullmq']
/** One file of `jobs/` may hold several; each gives rows and checks of its own. */
const parts: Readonly<Record<string, Part>> = {
  drain,
  batch_enqueue: batchEnqueue,
  single_enqueue: singleEnqueue,
  transactions,
  latency,
  busy,
  exactly_once: exactlyOnce,
  reruns,
  held,
  backlog,
  designs,
}

/** holdfast/jobs and other queues, each with its best documented settings, all on one same Node and one same server. */
export const jobsContest: Contest = {
  name: 'jobs',
  run: async (input) => {
    if (input.rttMs > 0) throw new Error('The contest jobs takes no --rtt yet.')
    const chosen = chooseParts(parts, input)
    await refuseLossyServer(input)
    const { execPath, versions } = await installPeers(peerNames, input)
    const redis = await startRedis()
    const databases = await createDatabases(input.url, 'jobs', onPostgres)
    const rows: Row[] = redis ? [] : [describeAbsence(input)]
    const checks: Check[] = []
    try {
      for (const part of chosen) {
        const result = await part({ input, execPath, redisUrl: redis?.url, databases })
        rows.push(...result.rows)
        checks.push(...result.checks)
      }
    } finally {
      await databases.drop()
      await redis?.stop()
    }
    const { version: holdfast } = createRequire(import.meta.url)('holdfast/package.json') as { version: string }
    return { rows, checks, settings, versions: { holdfast, ...versions, ...(redis && { redis: redis.version }) } }
  },
}

function describeAbsence({ progress }: ContestInput): Row {
  progress(`There is no redis-server, so ${BULLMQ} does not take part.`)
  return {
    subject: `${BULLMQ} (left out: no redis-server)`,
    metric: 'runs',
    unit: 'runs',
    median: 0,
    min: 0,
    max: 0,
    runs: 0,
    samples: [],
  }
}
