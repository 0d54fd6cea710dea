// `npm run chaos -- <module> [--count N] [--seed S] [--json] [--without guard,guard]`: one document on stdout, progress on stderr.
import { parseArgs } from 'node:util'
import { DEFAULT_COUNT as CORE_COUNT, runCore } from './core/run-core.js'
import { DEFAULT_COUNT as HOLDS_COUNT, runHolds } from './holds/run-holds.js'
import { holdGuards } from './holds/sabotage.js'
import { countViolations, type ChaosDocument, type ChaosOptions } from './invariants.js'
import { DEFAULT_COUNT as JOBS_COUNT, runJobs } from './jobs/run-jobs.js'
import { DEFAULT_COUNT as LOCKS_COUNT, runLocks, runLocksOnRedis } from './locks/run-locks.js'
import { lockGuards } from './locks/sabotage.js'
import { DEFAULT_COUNT as SAGAS_COUNT, runSagas } from './sagas/run-sagas.js'
import { sagaGuards } from './sagas/sabotage.js'

interface Module {
  count: number
  run: (options: ChaosOptions) => Promise<ChaosDocument>
  /** What a run can be made without. */
  guards?: readonly string[]
}

const modules: Record<string, Module> = {
  core: { count: CORE_COUNT, run: runCore },
  jobs: { count: JOBS_COUNT, run: runJobs },
  holds: { count: HOLDS_COUNT, run: runHolds, guards: holdGuards },
  locks: { count: LOCKS_COUNT, run: runLocks, guards: lockGuards },
  sagas: { count: SAGAS_COUNT, run: runSagas, guards: sagaGuards },
  'locks-redis': { count: LOCKS_COUNT, run: runLocksOnRedis, guards: ['fence', 'short'] },
}

const usage = `usage: npm run chaos -- <${Object.keys(modules).join('|')}> [--count N] [--seed S] [--json] [--without guard,guard]\n`

/** Gives the exit code: 1 when an invariant was violated. */
export async function runChaos(args: readonly string[]): Promise<number> {
  const parsed = parse(args)
  const module = modules[parsed?.name ?? '']
  if (parsed === undefined || module === undefined) {
    process.stderr.write(usage)
    return 2
  }
  const { count = module.count, seed, without } = parsed
  if (without.some((guard) => !module.guards?.includes(guard))) {
    process.stderr.write(`guards of ${parsed.name}: ${module.guards?.join(', ') ?? 'none'}\n`)
    return 2
  }
  const report = (line: string) => void process.stderr.write(`${line}\n`)
  const document = await module.run({ count, seed, without, report })
  process.stdout.write(parsed.json ? `${JSON.stringify(document)}\n` : format(document))
  return countViolations(document.invariants) === 0 ? 0 : 1
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        count: { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean' },
        without: { type: 'string', default: '' },
      },
    })
    const count = values.count === undefined ? undefined : Number(values.count)
    const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
    if (count !== undefined && !(Number.isInteger(count) && count > 0)) return undefined
    if (!Number.isInteger(seed)) return undefined
    const without = values.without.split(',').filter((guard) => guard !== '')
    return { name: positionals[0], count, seed, json: values.json === true, without }
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
