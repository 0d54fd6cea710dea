import { createRequire } from 'node:module'
import { createDatabases, type Databases } from './databases.js'
import { refuseLossyServer } from './durability.js'
import { chooseParts } from './parts.js'
import { installPeers } from './peers.js'
import { startRedis } from './redis.js'
import type { BenchDocument, Check, Contest, ContestInput, Row } from './types.js'

/** Where the parts of a contest with installed peers take place. */
export interface PeerSetting {
  input: ContestInput
  /** The Node of all subjects. */
  execPath: string
  /** Undefined: who needs a Redis does not take part. */
  redisUrl: string | undefined
  databases: Databases
}

export type PeerPart = (setting: PeerSetting) => Promise<Pick<BenchDocument, 'rows' | 'checks'>>

export interface PeerContestOptions {
  name: string
  parts: Readonly<Record<string, PeerPart>>
  /** Packages of bench/peers. */
  peers: readonly string[]
  /** Subjects that have a database of their own. */
  onPostgres: readonly string[]
  settings: object
  /** Says who does not take part without a Redis. Default: nobody needs one, and none is started. */
  describeAbsence?: (input: ContestInput) => Row[]
}

/** All on one same Node, one same server, and one same Redis where there is one and somebody needs it. */
export function createPeerContest(options: PeerContestOptions): Contest {
  const { name, parts, peers, onPostgres, settings, describeAbsence } = options
  return {
    name,
    run: async (input) => {
      if (input.rttMs > 0) throw new Error(`The contest ${name} takes no --rtt.`)
      const chosen = chooseParts(parts, input)
      await refuseLossyServer(input)
      const { execPath, versions } = await installPeers(peers, input)
      const redis = describeAbsence && (await startRedis())
      const databases = await createDatabases(input.url, name, onPostgres)
      const rows: Row[] = redis ? [] : (describeAbsence?.(input) ?? [])
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
}
