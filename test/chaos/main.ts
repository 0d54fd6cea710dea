// `npm run chaos -- <module> [--count N] [--seed S] [--json]`: one document on stdout, progress on stderr.
import { parseArgs } from 'node:util'
import { DEFAULT_COUNT as CORE_COUNT, runCore } from './core/run-core.js'
import { countViolations, type ChaosDocument, type ChaosOptions } from './invariants.js'
import { DEFAULT_COUNT as JOBS_COUNT, runJobs } from './jobs/run-jobs.js'

const modules: Record<string, { count: number; run: (options: ChaosOptions) => Promise<ChaosDocument> }> = {
  core: { count: CORE_COUNT, run: runCore },
  jobs: { count: JOBS_COUNT, run: runJobs },
}

const usage = `usage: npm run chaos -- <${Object.keys(modules).join('|')}> [--count N] [--seed S] [--json]\n`

/** Gives the exit code: 1 when an invariant was violated. */
export async function runChaos(args: readonly string[]): Promise<number> {
  const parsed = parse(args)
  const module = modules[parsed?.name ?? '']
  if (parsed === undefined || module === undefined) {
    process.stderr.write(usage)
    return 2
  }
  const { count = module.count, seed } = parsed
  const report = (line: string) => void process.stderr.write(`${line}\n`)
  const document = await module.run({ count, seed, report })
  process.stdout.write(parsed.json ? `${JSON.stringify(document)}\n` : format(document))
  return countViolations(document.invariants) === 0 ? 0 : 1
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { count: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean' } },
    })
    const count = values.count === undefined ? undefined : Number(values.count)
    const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
    if (count !== undefined && !(Number.isInteger(count) && count > 0)) return undefined
    if (!Number.isInteger(seed)) return undefined
    return { name: positionals[0], count, seed, json: values.json === true }
  } catch {
    return undefined
  }
}

function format({ module, seed, counts, faults, invariants }: ChaosDocument): string {
  const list = (entries: Record<string, number | string>) =>
    Object.entries(entries)
      .map(([name, value]) => `  ${String(value).padStart(8)}  ${name}\n`)
      .join('')
  const lines = invariants.map(
    ({ name, violations }) => `  ${violations === 0 ? 'held' : `${violations} ×`}  ${name}\n`,
  )
  return `${module}, seed ${seed}\n${list(counts)}faults\n${list(faults)}invariants\n${lines.join('')}`
}
