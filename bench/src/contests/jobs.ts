import { createRequire } from 'node:module'
import { connect } from 'holdfast'
import { installPeers } from '../harness/peers.js'
import { startRedis } from '../harness/redis.js'
import type { Check, Contest, ContestInput, Row } from '../harness/types.js'
import { latency } from './jobs/latency.js'
import { batchEnqueue, drain, singleEnqueue } from './jobs/rates.js'
import { createDatabases } from './jobs/databases.js'
import { BULLMQ, onPostgres, type Part } from './jobs/setting.js'
import { transactions } from './jobs/transactions.js'

const peerNames = ['graphile-worker', 'pg-boss', 'bullmq']
/** One file of `jobs/` may hold several; each gives rows and checks of its own. */
const parts: readonly Part[] = [drain, batchEnqueue, singleEnqueue, transactions, latency]

/** holdfast/jobs and other queues, each with its best documented settings, all on one same Node and one same server. */
export const jobsContest: Contest = {
  name: 'jobs',
  run: async (input) => {
    if (input.rttMs > 0) throw new Error('The contest jobs takes no --rtt yet.')
    await refuseLossyServer(input)
    const { execPath, versions } = await installPeers(peerNames, input)
    const redis = await startRedis()
    const databases = await createDatabases(input.url, onPostgres)
    const rows: Row[] = redis ? [] : [describeAbsence(input)]
    const checks: Check[] = []
    try {
      for (const part of parts) {
        const result = await part({ input, execPath, redisUrl: redis?.url, databases })
        rows.push(...result.rows)
        checks.push(...result.checks)
      }
    } finally {
      await databases.drop()
      await redis?.stop()
    }
    const { version: holdfast } = createRequire(import.meta.url)('holdfast/package.json') as { version: string }
    return { rows, checks, versions: { holdfast, ...versions, ...(redis && { redis: redis.version }) } }
  },
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
  }
}
