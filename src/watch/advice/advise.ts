import {
  listRangeVars,
  loadStatementParser,
  nameOf,
  replaceTables,
  walk,
  type Node,
  type StatementParser,
} from './ast.js'
import { deriveCandidates } from './candidates.js'
import { loadCatalog } from './catalog.js'
import { chooseIndexes, type Chosen } from './choose.js'
import { explainFailure } from './failures.js'
import type { StatementNeeds } from './needs.js'
import { forgetPrepared, planWithStatistics, planWithValues, type Planner } from './plan-statement.js'
import { proveByHypopg } from './prove-hypopg.js'
import { copyTables, proveBySample } from './prove-sample.js'
import type { Prover } from './prover.js'
import { readStatement } from './read-statement.js'
import { OutOfTime, STATEMENT_MS, withSession, type Asker } from './session.js'
import { beginQuietly, countVolatile, readSituation, type SituationRow } from './store.js'
import type { Advice, AdviceAsk, AdvicePool, Candidate, Catalog } from './types.js'
import { writeAdvice } from './write-advice.js'

/**
 * Which indexes would make a statement faster, proven before any is built: by hypopg where the database has it, else on
 * copies of a part of its tables. Nothing of the user's is changed, nor locked beyond reading. What cannot be proven is
 * refused with the reason.
 *
 * @throws the reason of `signal`, and nothing else
 */
export async function adviseIndexes(pool: AdvicePool, ask: AdviceAsk): Promise<Advice> {
  const advice: Advice = { advice: [], refused: [], rewrites: [], notes: [] }
  try {
    const parser = await loadStatementParser()
    const tree = readSingle(parser, ask.text)
    if (tree === undefined) return refuse(advice, 'The text is not one statement that PostgreSQL’s parser knows.')
    await withSession(pool, ask, async (asker) => await adviseInside(asker, parser, ask, advice))
  } catch (error) {
    ask.signal?.throwIfAborted()
    refuse(advice, explainEnd(error))
  }
  return advice
}

function refuse(advice: Advice, why: string): Advice {
  if (!advice.refused.some((each) => each.why === why)) advice.refused.push({ why })
  return advice
}

function explainEnd(error: unknown): string {
  if (error instanceof OutOfTime) return 'Its time was over before anything was proven.'
  const why = explainFailure(error)
  return why === undefined ? 'The database could not be asked.' : `It could not be proven: ${why}.`
}

function readSingle(parser: StatementParser, text: string): Node | undefined {
  try {
    const { stmts = [] } = parser.parse(text)
    return stmts.length === 1 ? stmts[0]?.stmt : undefined
  } catch {
    return undefined
  }
}

async function adviseInside(ask: Asker, parser: StatementParser, given: AdviceAsk, advice: Advice): Promise<void> {
  await beginQuietly(ask, given.searchPath, STATEMENT_MS)
  try {
    const situation = await readSituation(ask)
    const { text, catalog } = await loadCatalog(ask, parser, given.text.replace(/[;\s]+$/, ''))
    const tree = readSingle(parser, text) as Node
    const needs = readStatement(tree, catalog, { hasTrigrams: situation.has_trigrams })
    const { candidates, refused } = deriveCandidates(needs.needs)
    describe(needs, catalog, advice)
    if (candidates.length > 0) {
      const subject: Subject = { ask, parser, text, tree, catalog, needs, candidates, given, situation }
      await prove(subject, advice)
    }
    if (advice.advice.length === 0) for (const why of [...needs.refused, ...refused]) refuse(advice, why)
    if (advice.advice.length + advice.refused.length === 0 && advice.rewrites.length === 0)
      refuse(advice, 'Nothing that it asks for is what an index finds.')
  } finally {
    await ask('/* holdfast:watch.rollback */ rollback', []).catch(() => undefined)
  }
}

function describe({ rewrites, notes }: StatementNeeds, catalog: Catalog, advice: Advice): void {
  for (const [why, to] of rewrites) advice.rewrites.push({ why, to })
  advice.notes.push(...notes)
  const tables = [...new Set(catalog.values())]
  for (const { name, hasRowSecurity, kind } of tables) {
    if (hasRowSecurity)
      advice.notes.push(
        `${name} has row security: copies hold what this role sees, and its policies’ own conditions are not planned there.`,
      )
    if (kind === 'partitioned')
      advice.notes.push(`${name} is partitioned: the copy is not, so the pruning of partitions is not in the figures.`)
  }
}

interface Subject {
  ask: Asker
  parser: StatementParser
  text: string
  tree: Node
  catalog: Catalog
  needs: StatementNeeds
  candidates: readonly Candidate[]
  given: AdviceAsk
  situation: SituationRow
}

async function prove(subject: Subject, advice: Advice): Promise<void> {
  const { ask, situation, needs, candidates } = subject
  const isReading = !needs.isWrite && !needs.locksRows
  // To plan a change, or a lock on rows, locks a table more than reading it does: never the user's.
  const isHypo = situation.hypopg !== null && isReading && candidates.some(({ method }) => method === 'btree')
  if (isHypo) {
    const found = await choose(await openHypopg(subject), false, advice)
    if (found > 0 || candidates.every(({ method }) => method === 'btree')) return
    await ask('/* holdfast:watch.rollback */ rollback', [])
    await beginQuietly(ask, subject.given.searchPath, STATEMENT_MS)
  }
  if (situation.is_standby)
    return void refuse(advice, 'A standby has no temporary tables and hypopg is not of use: ask the primary.')
  if (!situation.can_copy)
    return void refuse(
      advice,
      'This role may not create temporary tables, and hypopg is not installed: nothing can be proven.',
    )
  if (namesColumnsBySchema(subject.tree))
    return void refuse(
      advice,
      'Columns are named with their schema: the statement cannot be led to copies of its tables.',
    )
  const isRun = isReading && (await countVolatile(ask, [...needs.functions])) === 0
  await choose(await openSample(subject), isRun, advice)
}

async function choose(opened: Opened, isRun: boolean, advice: Advice): Promise<number> {
  try {
    const chosen = await chooseIndexes(opened.prover, isRun)
    for (const each of chosen) advice.advice.push(await writeAdvice(each, opened.prover))
    if (chosen.length === 0) for (const why of opened.prover.rejected) refuse(advice, why)
    noteProof(opened.prover, chosen, advice)
    const tried = opened.prover.candidates.length
    if (chosen.length === 0 && tried > 0)
      refuse(
        advice,
        `With ${tried === 1 ? 'the only candidate' : `all of ${tried} candidates`} in place the planner used none that would make a difference.`,
      )
    return chosen.length
  } finally {
    await opened.close()
  }
}

function noteProof({ by }: Prover, chosen: readonly Chosen[], advice: Advice): void {
  const [first, second] = chosen
  if (first && second && first.after === second.after)
    advice.notes.push('These indexes help only together: an OR needs one for each of its arms.')
  if (first && by === 'sample')
    advice.notes.push(
      'Costs and times are those of copies with a part of the rows: they show the direction, not the size of the gain.',
    )
}

interface Opened {
  prover: Prover
  close(): Promise<void>
}

async function openHypopg({ ask, text, needs, candidates, given, situation }: Subject): Promise<Opened> {
  const { plan, close } = await openPlanner(ask, text, needs, given)
  const prover = await proveByHypopg(ask, situation.hypopg as string, candidates, plan)
  return {
    prover,
    close: async () => {
      await prover.forget()
      await close()
    },
  }
}

async function openSample({ ask, parser, text, catalog, needs, candidates, given }: Subject): Promise<Opened> {
  const copies = await copyTables(ask, catalog, needs.needs)
  const copied = replaceTables(parser, text, (range) => {
    const table = catalog.get(nameOf(range))
    const name = table && copies.nameOf(table)
    return name === undefined ? undefined : { text: name, alias: range.relname ?? '' }
  })
  const { plan, close } = await openPlanner(ask, copied, needs, given)
  // Whether a row's page needs no look is known of no copy: what is held beside the keys shows no gain there.
  const provable = candidates.filter(({ include }) => include.length === 0)
  return { prover: await proveBySample(ask, copies, provable, plan), close }
}

async function openPlanner(
  ask: Asker,
  text: string,
  { parameters }: StatementNeeds,
  { values }: AdviceAsk,
): Promise<{ plan: Planner; close: () => Promise<void> }> {
  if (values !== undefined || !/\$\d/.test(text))
    return { plan: planWithValues(ask, text, values ?? []), close: async () => {} }
  const plan = await planWithStatistics(ask, text, parameters)
  return { plan, close: async () => await forgetPrepared(ask) }
}

/** `public.orders.id` is a name that a copy does not have. */
function namesColumnsBySchema(tree: Node): boolean {
  let isFound = listRangeVars(tree).some(({ catalogname }) => catalogname !== undefined)
  walk(tree, (kind, value) => {
    if (kind === 'ColumnRef' && (value['fields'] as unknown[]).length > 2) isFound = true
    return true
  })
  return isFound
}
