import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { connect } from 'holdfast'
import { describeMachine } from 'holdfast/prove'
import { adviceContest } from './contests/advice.js'
import { asyncContest } from './contests/async.js'
import { clashContest } from './contests/clash.js'
import { coreContest } from './contests/core.js'
import { holdsContest } from './contests/holds.js'
import { jobsContest } from './contests/jobs.js'
import { locksContest } from './contests/locks.js'
import { sagasContest } from './contests/sagas.js'
import { watchContest } from './contests/watch.js'
import type { BenchDocument, Contest } from './harness/types.js'

const contests: readonly Contest[] = [
  coreContest,
  jobsContest,
  holdsContest,
  locksContest,
  sagasContest,
  watchContest,
  adviceContest,
  asyncContest,
  clashContest,
]

const usage = `npm run bench -- <contest> [--json] [--quick] [--only <part>,…] [--rtt <ms>] [--save]
contests: ${contests.map(({ name }) => name).join(', ')}`

/**
 * Runs one contest on a server of its own (DATABASE_URL is taken instead when set); 1 when a check does not hold.
 * With `--only` what is saved replaces the rows and checks of those parts in the file.
 */
export async function runBench(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      rtt: { type: 'string', default: '0' },
      only: { type: 'string' },
    },
  })
  const contest = contests.find(({ name }) => name === positionals[0])
  if (!contest) {
    process.stderr.write(`${usage}\n`)
    return 2
  }
  const server = await openServer()
  try {
    const progress = (line: string) => void process.stderr.write(`${line}\n`)
    const only = values.only?.split(',')
    const input = { url: server.url, quick: values.quick, rttMs: Number(values.rtt), progress, ...(only && { only }) }
    const { rows, checks, versions, settings } = await contest.run(input)
    const all = { node: process.versions.node, postgres: await readPostgres(server.url), ...versions }
    const document: BenchDocument = {
      contest: contest.name,
      machine: describeMachine(),
      versions: all,
      settings,
      rows,
      checks,
    }
    if (values.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
    else showDocument(document)
    if (values.save) await saveDocument(document, values.rtt, only !== undefined)
    return checks.every(({ holds }) => holds) ? 0 : 1
  } finally {
    await server.stop()
  }
}

/** Durable settings, as a rate of a server that may lose commits means nothing. */
async function openServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env['DATABASE_URL']
  if (given !== undefined) return { url: given, stop: async () => {} }
  const { startEmbedded } = await import('holdfast/embedded')
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  await chmod(dir, 0o755)
  const server = await startEmbedded({ dir })
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function readPostgres(url: string): Promise<string> {
  const db = await connect({ url })
  await db.close()
  return db.server.version
}

function showDocument({ rows, checks }: BenchDocument): void {
  for (const { subject, metric, unit, median, min, max, runs } of rows) {
    process.stdout.write(
      `${metric.padEnd(24)} ${subject.padEnd(26)} ${median} ${unit}  (${min} to ${max}, ${runs} runs)\n`,
    )
  }
  for (const { id, value, bound, ci95, holds, inconclusive } of checks) {
    const verdict = holds ? 'holds' : inconclusive ? 'INCONCLUSIVE' : 'misses'
    process.stdout.write(`${verdict.padEnd(12)} ${id} = ${value} (${bound}), 95 % within ${ci95.join(' to ')}\n`)
  }
}

async function saveDocument(document: BenchDocument, rtt: string, isPart: boolean): Promise<void> {
  const suffix = rtt === '0' ? '' : `-rtt${rtt}`
  const file = fileURLToPath(new URL(`../results/${document.contest}${suffix}.json`, import.meta.url))
  const whole = isPart ? keepOthers(document, await readDocument(file)) : document
  await writeFile(file, `${JSON.stringify(whole, null, 2)}\n`)
}

async function readDocument(file: string): Promise<BenchDocument | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as BenchDocument)
}

/** Parts of one file are compared with each other by nobody, but machine and versions must be the same. */
function keepOthers(document: BenchDocument, before: BenchDocument | undefined): BenchDocument {
  if (before === undefined) return document
  const isSame = (['machine', 'versions'] as const).every((name) => isDeepStrictEqual(before[name], document[name]))
  if (!isSame) throw new Error('The saved results are of another machine or other versions: run the whole contest.')
  const metrics = new Set(document.rows.map(({ metric }) => metric))
  const ids = new Set(document.checks.map(({ id }) => id))
  return {
    ...document,
    rows: [...before.rows.filter(({ metric }) => !metrics.has(metric)), ...document.rows],
    checks: [...before.checks.filter(({ id }) => !ids.has(id)), ...document.checks],
  }
}
