import { createRequire } from 'node:module'
import { createDatabases } from '../harness/databases.js'
import { refuseLossyServer } from '../harness/durability.js'
import { chooseParts } from '../harness/parts.js'
import { installPeers } from '../harness/peers.js'
import { startRedis } from '../harness/redis.js'
import type { Check, Contest, Row } from '../harness/types.js'
import { handover } from './locks/handover.js'
import { onPostgres, type Part } from './locks/setting.js'
import { settings } from './locks/settings.js'
import { lease, short } from './locks/uncontended.js'
import { wide } from './locks/wide.js'

const peerNames = ['ioredis', 'redlock', 'redis-semaphore']
const parts: Readonly<Record<string, Part>> = { handover, short, lease, wide }

/** holdfast/locks, what people write by themselves on PostgreSQL, and locks on a Redis. */
export const locksContest: Contest = {
  name: 'locks',
  run: async (input) => {
    if (input.rttMs > 0) throw new Error('The contest locks takes no --rtt.')
    const chosen = chooseParts(parts, input)
    await refuseLossyServer(input)
    const { execPath, versions } = await installPeers(peerNames, input)
    const redis = await startRedis()
    if (!redis) input.progress('There is no redis-server, so the locks on Redis do not take part.')
    const databases = await createDatabases(input.url, 'locks', onPostgres)
    const rows: Row[] = []
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
