import { connect, type Db } from 'holdfast'
import { watch, type Watch } from 'holdfast/watch'
import { judgeCount } from '../../harness/statistics.js'
import type { ContestInput } from '../../harness/types.js'
import { openScratch, runAside, silent, toRow, type Part } from './scratch.js'
import { recipes, type Recipe } from './recipes.js'

/** Between two executions, as of an application with some traffic. @unit ms */
const PAUSE_MS = 2

export async function measurePlans({
  url,
  progress,
  quick,
}: Pick<ContestInput, 'url' | 'progress' | 'quick'>): Promise<Part> {
  const found: (Outcome & { name: string })[] = []
  for (const recipe of recipes.slice(0, quick ? 3 : undefined)) {
    const outcome = await runRecipe(url, recipe)
    progress(
      `${recipe.name}: ${outcome.kind ?? 'not found'}, ${outcome.executions} executions, ${outcome.explains} explained`,
    )
    found.push({ name: recipe.name, ...outcome })
  }
  const rows = found.flatMap(({ name, kind, executions, explains }) => [
    toRow(name, kind === null ? 'not found after' : `found (${kind}) after`, executions),
    toRow(name, 'explained', explains),
  ])
  const share = found.filter(({ kind }) => kind !== null).length / found.length
  const flips = found.filter(({ kind }) => kind === 'plan-flip')
  const per400 = found.map(({ explains, total }) => (400 * explains) / Math.max(400, total))
  const checks = [
    judgeCount('flip_recipes_found', share, { atLeast: 0.9 }),
    judgeCount('flip_executions', Math.max(...flips.map(({ executions }) => executions)), { atMost: 50 }),
    judgeCount('flip_explains', Math.max(...per400), { atMost: 25 }),
  ]
  return { rows, checks }
}

interface Outcome {
  kind: string | null
  /** Of the new plan, until it was told. */
  executions: number
  /** Of all executions since the change. */
  explains: number
  total: number
}

async function runRecipe(url: string, recipe: Recipe): Promise<Outcome> {
  const scratch = await openScratch(url)
  const db = await connect({ url: scratch.url, pool: { max: 1 }, logger: silent })
  await db.migrate()
  await db.query(recipe.setup)
  const kinds: string[] = []
  // What a result is made of is none of this part's affair.
  const note = (kind: string) => void (kind.startsWith('plan-') && kinds.push(kind))
  const watching = await watch(db, { logger: silent, flushMs: 60_000, onFinding: ({ kind }) => note(kind) })
  try {
    return await follow({ url: scratch.url, db, watching, kinds }, recipe)
  } finally {
    await watching.stop()
    await db.close()
    await scratch.drop()
  }
}

interface Scene {
  url: string
  db: Db
  watching: Watch
  kinds: string[]
}

async function follow({ url, db, watching, kinds }: Scene, recipe: Recipe): Promise<Outcome> {
  const { text, values, prepared, firstValues = values, before, after, change, isOfSession } = recipe
  const { isChanged = () => true } = recipe
  const options = prepared === undefined ? {} : { name: prepared }
  const run = async (n: number, of: (n: number) => unknown[]) => {
    await db.query(text, of(n), options)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  for (let n = 0; n < before; n++) await run(n, firstValues)
  const explained = watching.stats().plans?.explained ?? 0
  if (kinds.length > 0) throw new Error(`${recipe.name}: ${kinds[0]} was found before anything had changed.`)
  if (isOfSession) await db.query(change)
  else await runAside(url, change)
  let [executions, total] = [0, 0]
  for (; total < after && kinds.length === 0; total++) {
    await run(before + total + 1, values)
    if (isChanged(before + total + 1)) executions++
  }
  const explains = (watching.stats().plans?.explained ?? 0) - explained
  return { kind: kinds[0] ?? null, executions, explains, total }
}
