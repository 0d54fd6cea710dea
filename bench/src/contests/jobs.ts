import { createRequire } from 'node:module'
import { connect } from 'holdfast'
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
import { createDatabases } from './jobs/databases.js'
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
    const chosen = chooseParts(input)
    await refuseLossyServer(input)
    const { execPath, versions } = await installPeers(peerNames, input)
    const redis = await startRedis()
    const databases = await createDatabases(input.url, onPostgres)
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

function chooseParts({ only = Object.keys(parts) }: ContestInput): Part[] {
  return only.map((name) => {
    const part = parts[name]
    if (!part) throw new Error(`There is no part ${name}; there are ${Object.keys(parts).join(', ')}.`)
    return part
  })
}

/** A rate of a server that may lose commits means nothing. */
async function refuseLossyServer({ url }: ContestInput): Promise<void> {
  const db = await connect({ url })
  try {
    for (const name of ['fsync', 'synchronous_commit']) {
      const { rows } = await db.query<{ value: string }>('select current_setting($1) as value', [name])
      if (rows[0]?.value !== 'on') throw new Error(`The server runs with ${name} = ${rows[0]?.value}; it must be on.`)
    }
  } finally {
    await db.close()
  }
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
