import { connect } from 'holdfast'
import pg from 'pg'
import { summarize } from '../../harness/statistics.js'
import type { Row } from '../../harness/types.js'
import { openDesigns, type Design } from './table-designs.js'
import { HOLDFAST, type Part, type Setting } from './setting.js'

const full = { drained: 50_000, burned: 500_000, backlog: 5_000_000, drains: 3 }
const quick = { drained: 10_000, burned: 50_000, backlog: 100_000, drains: 2 }
const CLAIM = 1_000

/**
 * Ways to keep a queue in tables (docs/decisions/0008-jobs-tables.md): nothing of Node, one connection that claims and
 * completes a thousand jobs in turn. Fresh tables; then under a snapshot that was taken before as many jobs were done as
 * a busy queue does in a minute; then with millions waiting behind. Rows only: no bound hangs on them.
 */
export const designs: Part = async (setting) => {
  const sizes = setting.input.quick ? quick : full
  const url = setting.databases.urlOf(HOLDFAST)
  const db = await connect({ url })
  await db.migrate()
  await db.close()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`set synchronous_commit = off`)
  const rows: Row[] = []
  try {
    for (const design of await openDesigns(client, CLAIM)) {
      const rates = await measure(design, client, url, sizes)
      for (const [metric, values] of rates) rows.push(summarize(design.name, `design_${metric}_rate`, 'jobs/s', values))
      report(setting, design, rates)
    }
  } finally {
    await client.end()
  }
  return { rows, checks: [] }
}

type Rates = ReadonlyMap<string, number[]>

async function measure(design: Design, client: pg.Client, url: string, sizes: typeof full): Promise<Rates> {
  const rates = new Map<string, number[]>()
  const drain = async (amount: number) => {
    await design.fill(amount)
    return await drainJobs(design, amount)
  }
  const repeat = async () => {
    const all: number[] = []
    for (let n = 0; n < sizes.drains; n++) all.push(await drain(sizes.drained))
    return all
  }
  await design.clear()
  await repeat()
  await settle(design, client)
  rates.set('fresh', await repeat())
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  await holder.query('begin isolation level repeatable read')
  await holder.query('select count(*) from pg_class')
  for (let burned = 0; burned < sizes.burned; burned += sizes.drained) await drain(sizes.drained)
  rates.set('held', await repeat())
  await holder.end()
  await settle(design, client)
  await design.fill(sizes.backlog)
  await client.query(`vacuum analyze ${design.tables}`)
  const behind: number[] = []
  for (let n = 0; n < sizes.drains; n++) behind.push(await drainJobs(design, sizes.drained))
  rates.set('backlog', behind)
  await design.clear()
  return rates
}

async function settle(design: Design, client: pg.Client): Promise<void> {
  await design.clear()
  await client.query(`vacuum analyze ${design.tables}`)
  await client.query('checkpoint')
}

/** Jobs per second. */
async function drainJobs(design: Design, amount: number): Promise<number> {
  const startedAt = performance.now()
  let done = 0
  while (done < amount) {
    const got = await design.takeOne()
    if (got === 0) throw new Error(`${design.name}: ${done} of ${amount} jobs were found.`)
    done += got
  }
  return (done / (performance.now() - startedAt)) * 1_000
}

function report({ input }: Setting, { name }: Design, rates: Rates): void {
  const parts = [...rates].map(([metric, values]) => `${metric} ${values.map((rate) => Math.round(rate)).join(', ')}`)
  input.progress(`designs: ${name}: ${parts.join('; ')}`)
}
