import { createRequire } from 'node:module'
import { chooseParts } from '../harness/parts.js'
import type { Check, Contest, ContestInput, Row } from '../harness/types.js'
import { corpora } from './clash/corpora.js'
import { firstContact } from './clash/first-contact.js'

const parts = { firstContact, corpora } as const

/** Whether pairs of requests that can collide are found, replayed, and fixed, on handlers that nobody wrote for it. */
export const clashContest: Contest = {
  name: 'clash',
  run: async (input: ContestInput) => {
    const rows: Row[] = []
    const checks: Check[] = []
    for (const part of chooseParts(parts, input)) {
      const result = await part(input)
      rows.push(...result.rows)
      checks.push(...result.checks)
    }
    return { rows, checks, versions: readVersions(), settings }
  },
}

const settings = {
  observer: 'every request followed; ordinary traffic of each case, one request after the other',
  replay:
    'in place on a database of each case; at most two preemptions; every label proven, safe ones by up to 200 schedules',
  fixes: 'the first proposal, at the gate; cost with both requests at once, five times',
}

function readVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  const read = (name: string) => (require(`${name}/package.json`) as { version: string }).version
  return Object.fromEntries(['holdfast', 'pg', 'drizzle-orm', 'knex', 'typeorm'].map((name) => [name, read(name)]))
}
