import pg from 'pg'
import { checkInvariants, connectTo, packageVersion, type Db } from '../core/index.js'
import { proveError } from './errors.js'
import { describeMachine } from './machine.js'
import { createRandom } from './random.js'
import { openScratch } from './scratch.js'
import type { Experiment, Figures, InvariantResult, ProveDocument, Side, SideResult } from './types.js'

export interface RunOptions {
  /** A database whose role may create a schema, for experiments with holdfast's tables a database; nothing outside that is touched. */
  url: string
  /** The same seed gives the same load. Default: 1. */
  seed?: number
  /** Told when a side starts. */
  onSide?: (side: Side) => void
}

const SIDE_DEADLINE_MS = 60_000

/** Runs every side under the same load, each on fresh tables of its own, and judges all by the same invariants. */
export async function runExperiment(
  experiment: Experiment,
  { url, seed = 1, onSide }: RunOptions,
): Promise<ProveDocument> {
  const sides: SideResult[] = []
  const versions: Record<string, string> = { holdfast: packageVersion, node: process.versions.node }
  for (const side of experiment.sides) {
    if (side.canRun !== undefined && !(await side.canRun(url))) continue
    onSide?.(side)
    const { result, postgres } = await runSide(experiment, side, url, seed)
    sides.push(result)
    versions['postgres'] = postgres
  }
  const figures = new Map(sides.map((side): [string, Figures] => [side.name, side.figures]))
  const holds = (name: string) => sides.filter((side) => side.name === name).every(heldAll)
  return {
    experiment: experiment.name,
    story: experiment.story,
    seed,
    machine: describeMachine(),
    versions,
    sides,
    verdict: experiment.conclude(figures),
    proven: holds('protected') && !holds('naive'),
  }
}

function heldAll({ invariants }: SideResult): boolean {
  return invariants.every(({ held }) => held)
}

async function runSide(
  experiment: Experiment,
  side: Side,
  url: string,
  seed: number,
): Promise<{ result: SideResult; postgres: string }> {
  const scratch = await openScratch(url, experiment.scratch ?? 'schema')
  try {
    const figures = await withStage(scratch.url, seed, experiment, side)
    const judge = await connectTo({ url: scratch.url, pool: { max: 1 } })
    const invariants = await judgeInvariants(judge, experiment)
    await judge.close()
    return { result: { name: side.name, what: side.what, figures, invariants }, postgres: scratch.postgres }
  } finally {
    await scratch.drop()
  }
}

async function withStage(url: string, seed: number, experiment: Experiment, side: Side): Promise<Figures> {
  const db = await connectTo({ url, pool: { max: 20 } })
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  pool.on('error', () => {})
  const deadline = AbortSignal.timeout(SIDE_DEADLINE_MS)
  try {
    await db.query(experiment.setup)
    // Connections are opened before the load, on every side alike: a login is not what is compared.
    await Promise.all(
      Array.from({ length: 20 }, async () => await (side.name === 'naive' ? pool : db.pool).query('select 1')),
    )
    return await Promise.race([
      side.run({ pool, db, url, random: createRandom(seed), signal: deadline }),
      rejectLate(deadline, side),
    ])
  } finally {
    await Promise.all([db.close(), pool.end()])
  }
}

function rejectLate(signal: AbortSignal, side: Side): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () =>
      reject(proveError('HF_PROVE_DEADLINE', `The side "${side.name}" did not end within ${SIDE_DEADLINE_MS} ms.`)),
    )
  })
}

async function judgeInvariants(db: Db, { invariants }: Experiment): Promise<InvariantResult[]> {
  const checks = await checkInvariants(db, invariants)
  return checks.map(({ name, held, violations }) => ({ name, held, detail: violations.map(describeRow).join('; ') }))
}

function describeRow(row: Record<string, unknown>): string {
  return Object.entries(row)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')
}
