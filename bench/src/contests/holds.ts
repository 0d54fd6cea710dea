import { createRequire } from 'node:module'
import { createDatabases } from '../harness/databases.js'
import { refuseLossyServer } from '../harness/durability.js'
import { chooseParts } from '../harness/parts.js'
import type { Check, Contest, Row } from '../harness/types.js'
import { idempotent } from './holds/idempotent.js'
import { pools } from './holds/pools.js'
import { hot, seats } from './holds/selling.js'
import { AGAIN, HOLDFAST, type Part } from './holds/setting.js'
import { seatStrategies, settings, stockStrategies } from './holds/settings.js'

const parts: Readonly<Record<string, Part>> = { hot, seats, idempotent, pools }
const names = [HOLDFAST, AGAIN, ...[...stockStrategies, ...seatStrategies].map(({ name }) => name)]

/** Holds and keys against what people write by themselves, on one same server. */
export const holdsContest: Contest = {
  name: 'holds',
  run: async (input) => {
    if (input.rttMs > 0) throw new Error('The contest holds takes no --rtt: idempotent has a millisecond of its own.')
    const chosen = chooseParts(parts, input)
    await refuseLossyServer(input)
    const databases = await createDatabases(input.url, 'holds', names)
    const rows: Row[] = []
    const checks: Check[] = []
    try {
      for (const part of chosen) {
        const result = await part({ input, databases })
        rows.push(...result.rows)
        checks.push(...result.checks)
      }
    } finally {
      await databases.drop()
    }
    return { rows, checks, settings, versions: readVersions() }
  },
}

function readVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  const read = (name: string) => (require(`${name}/package.json`) as { version: string }).version
  return { holdfast: read('holdfast'), pg: read('pg') }
}
