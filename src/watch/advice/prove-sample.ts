import { readSqlstate } from '../../core/index.js'
import { quoteName } from './ast.js'
import type { Need } from './needs.js'
import type { Planner } from './plan-statement.js'
import type { Prover, Trial } from './prover.js'
import { OutOfTime, type Asker } from './session.js'
import { explainFailure } from './failures.js'
import type { Candidate, Catalog, CatalogTable } from './types.js'
import { writeDefinition } from './write-ddl.js'

/** Of all copies together. */
const MOST_ROWS = 100_000
const MOST_PAGES = 8_000
/** A run that takes longer is not repeated. @unit ms */
const LONG_MS = 150
const QUERY_CANCELED = '57014'

export interface Copies {
  /** What the copy of a table is called. */
  nameOf(table: CatalogTable): string | undefined
  shareOf(table: CatalogTable): number
}

/** Temporary tables with some of the rows, and the indexes there are; gone with the transaction. */
export async function copyTables(ask: Asker, catalog: Catalog, needs: readonly Need[]): Promise<Copies> {
  await ask('/* holdfast:watch.savepoint */ savepoint holdfast_copies', [])
  try {
    return await copyPart(ask, catalog, needs, 1)
  } catch (error) {
    if (readSqlstate(error) !== QUERY_CANCELED) throw error
    // The server is busy: less shows the direction too.
    await ask('/* holdfast:watch.undo */ rollback to holdfast_copies', [])
    return await copyPart(ask, catalog, needs, 0.2)
  }
}

async function copyPart(ask: Asker, catalog: Catalog, needs: readonly Need[], part: number): Promise<Copies> {
  const tables = [...new Set(catalog.values())]
  const shares = chooseShares(tables, part)
  const names = new Map<CatalogTable, string>()
  for (const [place, table] of tables.entries()) {
    const name = `pg_temp.holdfast_advice_${place}`
    await copyTable(ask, table, name, shares.get(table) ?? 1)
    await copyIndexes(ask, table, name, needs)
    await ask(`/* holdfast:watch.analyze_copy */ analyze ${name}`, [])
    names.set(table, name)
  }
  return { nameOf: (table) => names.get(table), shareOf: (table) => shares.get(table) ?? 1 }
}

/** Small tables whole: what is joined to them then still finds its row. What is left is for the large ones. */
function chooseShares(tables: readonly CatalogTable[], part: number): Map<CatalogTable, number> {
  const shares = new Map<CatalogTable, number>()
  let [rows, pages] = [MOST_ROWS * part, MOST_PAGES * part]
  const sorted = tables.toSorted((a, b) => a.rows - b.rows)
  for (const [place, table] of sorted.entries()) {
    const left = sorted.length - place
    const share = Math.min(1, rows / left / Math.max(1, table.rows), pages / left / Math.max(1, table.pages))
    shares.set(table, share)
    rows -= share * table.rows
    pages -= share * table.pages
  }
  return shares
}

async function copyTable(ask: Asker, table: CatalogTable, name: string, share: number): Promise<void> {
  const from = `${quoteName(table.schema)}.${quoteName(table.name)}`
  await ask(`/* holdfast:watch.make_copy */ create temporary table ${name} (like ${from}) on commit drop`, [])
  // The same blocks each time: a second look at a statement finds what the first one found.
  const sample = share < 1 ? ` tablesample system (${(share * 100).toFixed(4)}) repeatable (1)` : ''
  await ask(`/* holdfast:watch.fill_copy */ insert into ${name} select * from ${from}${sample}`, [])
}

async function copyIndexes(ask: Asker, table: CatalogTable, name: string, needs: readonly Need[]): Promise<void> {
  const asked = new Set(needs.filter((need) => need.table === table).flatMap(listKeyTexts))
  for (const { isUnique, isValid, definition, keys } of table.indexes) {
    const isOfUse =
      isUnique || keys.some(({ text }, place) => (place === 0 ? asked.has(text) || /\W/.test(text) : false))
    if (!isValid || !isOfUse) continue
    await ask(`/* holdfast:watch.copy_index */ create ${isUnique ? 'unique ' : ''}index on ${name} ${definition}`, [])
  }
}

function listKeyTexts({ filter, arms, order, groups }: Need): string[] {
  const ofFilters = [filter, ...arms].flatMap(({ equal, among, ranges, prefixes, joined, contains, fixed }) => [
    ...equal,
    ...among,
    ...ranges,
    ...prefixes,
    ...order,
    ...groups,
    ...[...joined, ...contains].map(({ key }) => key),
    ...fixed.flatMap(({ key }) => key ?? []),
  ])
  return ofFilters.flatMap(({ columns }) => columns.map(({ name }) => quoteName(name)))
}

/** Candidates are built on the copies; each attempt takes the others away, and a savepoint brings them back. */
export async function proveBySample(
  ask: Asker,
  copies: Copies,
  given: readonly Candidate[],
  plan: Planner,
): Promise<Prover> {
  const names = new Map<Candidate, string>()
  const rejected: string[] = []
  for (const [place, candidate] of given.entries()) {
    const name = `holdfast_advice_index_${place}`
    const failure = await buildOnCopy(ask, copies, candidate, name)
    if (failure === undefined) names.set(candidate, name)
    else rejected.push(failure)
  }
  const candidates = [...names.keys()]
  const attempt = async (wanted: readonly Candidate[], isRun: boolean): Promise<Trial> => {
    const others = candidates.filter((each) => !wanted.includes(each))
    await ask('/* holdfast:watch.savepoint */ savepoint holdfast_advice', [])
    for (const each of others) await ask(`/* holdfast:watch.hide_index */ drop index pg_temp.${names.get(each)}`, [])
    // Whatever the statement does, it changes nothing but what is temporary.
    if (isRun) await ask('/* holdfast:watch.read_only */ set local transaction_read_only = on', [])
    const { cost, indexes, ms } = await plan(false)
    const fastest = isRun ? await runOften(plan) : ms
    await ask('/* holdfast:watch.undo */ rollback to holdfast_advice', [])
    return { cost, ms: fastest, used: candidates.filter((each) => indexes.includes(names.get(each) ?? '')) }
  }
  return {
    by: 'sample',
    candidates,
    rejected,
    attempt,
    sizeOf: async (candidate) => {
      const text = '/* holdfast:watch.copy_size */ select pg_relation_size(to_regclass($1))::float8 as size'
      const [row] = await ask<{ size: number }>(text, [`pg_temp.${names.get(candidate)}`])
      return (row?.size ?? 0) / Math.max(1e-6, copies.shareOf(candidate.table))
    },
    sampledShareOf: ({ table }) => copies.shareOf(table),
  }
}

async function buildOnCopy(
  ask: Asker,
  copies: Copies,
  candidate: Candidate,
  name: string,
): Promise<string | undefined> {
  await ask('/* holdfast:watch.savepoint */ savepoint holdfast_advice', [])
  try {
    const definition = writeDefinition(candidate)
    await ask(
      `/* holdfast:watch.try_index */ create index ${name} on ${copies.nameOf(candidate.table)} ${definition}`,
      [],
    )
    return undefined
  } catch (error) {
    const why = explainFailure(error)
    if (why === undefined || error instanceof OutOfTime) throw error
    await ask('/* holdfast:watch.undo */ rollback to holdfast_advice', [])
    return `${candidate.table.name} (${candidate.keys.map(({ text }) => text).join(', ')}): ${why}`
  }
}

/** The first run reads what the next ones have at hand. Undefined: one that takes too long is known by its cost alone. */
async function runOften(plan: Planner): Promise<number | undefined> {
  try {
    return await findFastest(plan)
  } catch (error) {
    if (readSqlstate(error) === QUERY_CANCELED) return undefined
    throw error
  }
}

async function findFastest(plan: Planner): Promise<number | undefined> {
  let fastest = (await plan(true)).ms
  for (let n = 0; n < 2 && fastest !== undefined && fastest < LONG_MS; n++)
    fastest = Math.min(fastest, (await plan(true)).ms ?? fastest)
  return fastest
}
