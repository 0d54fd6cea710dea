import type { Filter, Fixed, Key, Need, OrderKey } from './needs.js'
import { isServed, signatureOf } from './compare-indexes.js'
import type { Candidate, CandidateKey, CatalogTable } from './types.js'

/** Below this a table is read whole in about the time an index takes. */
const FEW_ROWS = 1_000
/** A literal is written into a partial index only where its column has at most so many values: a status, never an address. */
const FEW_VALUES = 50
const MOST_OF_A_TABLE = 10
const MOST_INCLUDED = 3
const MOST_INCLUDED_BYTES = 64

export interface Candidates {
  candidates: Candidate[]
  refused: Set<string>
}

/** Every index that could serve a statement; which one does is the planner's to say. */
export function deriveCandidates(needs: readonly Need[]): Candidates {
  const refused = new Set<string>()
  const found = new Map<string, Candidate>()
  for (const need of needs) {
    const { table } = need
    if (!isAdvisable(table, refused)) continue
    const own = deriveForTable(need).slice(0, MOST_OF_A_TABLE)
    for (const candidate of own) {
      const served = table.indexes.find((index) => isServed(candidate, index))
      if (served === undefined) found.set(signatureOf(candidate), candidate)
      else if (!served.isValid)
        refused.add(
          `${served.name} on ${table.name} would serve it, but is invalid: its build failed. Drop and rebuild it.`,
        )
      else refused.add(`An index (${showKeys(candidate)}) exists already on ${table.name}: ${served.name}.`)
    }
  }
  return { candidates: [...found.values()], refused }
}

function isAdvisable({ kind, name, rows }: CatalogTable, refused: Set<string>): boolean {
  if (kind === 'temporary')
    refused.add(`${name} is a temporary table: other sessions do not see it, so nothing can be proven.`)
  else if (kind !== 'table' && kind !== 'partitioned') refused.add(`${name} is no table: it cannot be indexed here.`)
  else if (rows < FEW_ROWS)
    refused.add(`${name} has about ${Math.round(rows)} rows: reading all of them is no slower than an index.`)
  else return true
  return false
}

function deriveForTable(need: Need): Candidate[] {
  const ordered = [...deriveForFilter(need, need.filter, need.order, need.groups)]
  for (const arm of need.arms) ordered.push(...deriveForFilter(need, mergeArm(need.filter, arm), [], []))
  return [...new Map(ordered.map((candidate) => [signatureOf(candidate), candidate])).values()]
}

/** What stands beside the OR holds for each of its arms. */
function mergeArm(filter: Filter, arm: Filter): Filter {
  return { ...arm, fixed: [...arm.fixed, ...filter.fixed.filter(({ key }) => key === undefined)], joined: [] }
}

function deriveForFilter(need: Need, filter: Filter, order: readonly OrderKey[], groups: readonly Key[]): Candidate[] {
  const found: Candidate[] = []
  for (const variant of listVariants(need.table, filter)) {
    for (const joined of listLookups(need, filter)) {
      const equal = sortBySelectivity([
        ...new Map([...joined, ...variant.equal].map((key) => [key.text, key])).values(),
      ])
      for (const tail of listTails(equal, variant, filter, order, groups, need.isLimited)) {
        const candidate = build(need.table, equal, tail, variant.where)
        if (candidate) found.push(candidate)
      }
    }
  }
  for (const joined of listLookups(need, filter)) {
    const candidate = build(need.table, joined, { keys: [], orders: 0 }, null)
    if (candidate) found.push(candidate)
  }
  return [...found, ...deriveCovering(need, found), ...deriveInverted(need.table, filter)]
}

interface Variant {
  equal: Key[]
  among: Key[]
  where: string | null
}

/** With what is always the same as columns of the index, and with it as the index's own condition. */
function listVariants(table: CatalogTable, filter: Filter): Variant[] {
  const keysOf = (how: Fixed['how'], list: readonly Fixed[]) =>
    list.flatMap((fixed) => (fixed.how === how && fixed.key ? [fixed.key] : []))
  const make = (columns: readonly Fixed[], conditions: readonly Fixed[]): Variant => ({
    equal: [...filter.equal, ...keysOf('equal', columns)],
    among: [...filter.among, ...keysOf('among', columns)],
    where: conditions.length === 0 ? null : conditions.map(({ text }) => text).join(' and '),
  })
  const conditions = filter.fixed.filter((fixed) => canBeCondition(fixed, table))
  const columns = filter.fixed.filter((fixed) => !conditions.includes(fixed))
  if (conditions.length === 0) return [make(filter.fixed, [])]
  const partial = make(columns, conditions)
  const nulls = conditions.filter(({ key, how }) => key !== undefined && how === 'other')
  const hasKeys = partial.equal.length + partial.among.length + filter.ranges.length + filter.joined.length > 0
  // Where a column's being null is all there is, it is the column itself that the index is by.
  const alone = hasKeys || nulls.length === 0 ? [] : [{ ...partial, equal: nulls.flatMap(({ key }) => key ?? []) }]
  return [make(filter.fixed, []), partial, ...alone]
}

function canBeCondition({ text, key, how }: Fixed, { columns }: CatalogTable): boolean {
  if (/ is (not )?null$| is (true|false)$/.test(text)) return true
  const column = key?.columns[0] ?? columns.find(({ name }) => text.startsWith(`${name} `))
  if (key?.isExpression === true || column === undefined) return false
  return column.type === 'bool' || (how !== undefined && column.distinct > 0 && column.distinct <= FEW_VALUES)
}

/** Not looked up from another table, and looked up from each of them. A key that is unique is served already. */
function listLookups({ table }: Need, filter: Filter): Key[][] {
  const byPeer = new Map<Need | undefined, Key[]>()
  for (const { key, peer } of filter.joined) byPeer.set(peer, [...(byPeer.get(peer) ?? []), key])
  const isUnique = (keys: readonly Key[]) =>
    table.indexes.some(
      (index) =>
        index.isUnique && index.where === null && index.keys.every(({ text }) => keys.some((key) => key.text === text)),
    )
  return [[], ...[...byPeer.values()].filter((keys) => !isUnique(keys))]
}

interface Tail {
  keys: CandidateKey[]
  orders: number
}

function listTails(
  equal: readonly Key[],
  { among }: Variant,
  { ranges, prefixes }: Filter,
  order: readonly OrderKey[],
  groups: readonly Key[],
  isLimited: boolean,
): Tail[] {
  const isFree = ({ text }: Key) => !equal.some((key) => key.text === text)
  const sorted = order.filter(isFree)
  const listed = sortBySelectivity(among.filter(isFree))
  const tails: Tail[] = []
  const add = (...keys: CandidateKey[]) => tails.push({ keys, orders: 0 })
  const addOrdered = (...keys: CandidateKey[]) => tails.push({ keys, orders: isLimited ? sorted.length : 0 })
  // A list of values before the order breaks it, and without the list more rows are read than wanted: both are tried.
  if (sorted.length > 0 && (isLimited || equal.length > 0)) addOrdered(...sorted.map(toOrdered))
  if (listed.length > 0 && sorted.length > 0) add(...listed.map(toPlain), ...sorted.map(toOrdered))
  for (const range of ranges.filter(isFree).slice(0, 2)) add(...listed.map(toPlain), toPlain(range))
  for (const prefix of prefixes.filter(isFree)) add(toPrefix(prefix))
  if (listed.length > 0) add(...listed.map(toPlain))
  const grouped = groups.filter(isFree)
  if (grouped.length > 0 && sorted.length === 0) add(...grouped.map(toPlain))
  if (equal.length > 0) add()
  return tails
}

const toPlain = ({ text, isExpression }: Key): CandidateKey => (isExpression ? { text, isExpression } : { text })

function toOrdered({ isDescending, nulls, ...key }: OrderKey): CandidateKey {
  return { ...toPlain(key), ...(isDescending && { isDescending }), ...(nulls && { nulls }) }
}

function toPrefix(key: Key): CandidateKey {
  const [column] = key.columns
  const opclass = column?.type === 'bpchar' ? 'bpchar_pattern_ops' : 'text_pattern_ops'
  return column?.isCollationC === true ? toPlain(key) : { ...toPlain(key), opclass }
}

function build(
  table: CatalogTable,
  equal: readonly Key[],
  { keys, orders }: Tail,
  where: string | null,
): Candidate | undefined {
  const all = [...equal.map(toPlain), ...keys]
  const unique = [...new Map(all.toReversed().map((key) => [key.text, key])).values()].toReversed()
  const [only] = equal.length === 1 && keys.length === 0 ? equal : []
  // Half of the table is no less than all of it.
  const isPoor = where === null && only?.isExpression === false && [1, 2].includes(only.columns[0]?.distinct ?? 0)
  if (unique.length === 0 || isPoor) return undefined
  return { table, method: 'btree', keys: unique, equals: equal.length, orders, include: [], where }
}

const distinctOf = ({ columns, isExpression }: Key): number => (isExpression ? 1_000 : (columns[0]?.distinct ?? 0))

function sortBySelectivity(keys: readonly Key[]): Key[] {
  return keys.toSorted((a, b) => distinctOf(b) - distinctOf(a))
}

/** The table itself need not be read where the index holds all that is asked of it. */
function deriveCovering({ reads, table }: Need, found: readonly Candidate[]): Candidate[] {
  const [first] = found
  if (reads === undefined || first === undefined || first.keys.some(({ isExpression }) => isExpression)) return []
  const keys = new Set(first.keys.map(({ text }) => text))
  const others = table.columns.filter(({ name }) => reads.has(name) && !keys.has(name))
  const bytes = others.reduce((sum, { width }) => sum + width, 0)
  if (others.length === 0 || others.length > MOST_INCLUDED || bytes > MOST_INCLUDED_BYTES) return []
  return [{ ...first, include: others.map(({ name }) => name) }]
}

function deriveInverted(table: CatalogTable, { contains }: Filter): Candidate[] {
  return contains.map(({ key, opclass }) => ({
    table,
    method: 'gin',
    keys: [{ ...toPlain(key), ...(opclass !== undefined && { opclass }) }],
    equals: 0,
    orders: 0,
    include: [],
    where: null,
  }))
}

export function showKeys({ keys }: Pick<Candidate, 'keys'>): string {
  return keys.map(showKey).join(', ')
}

export function showKey({ text, isDescending, nulls, opclass, isExpression }: CandidateKey): string {
  const isCall = /^[\w.]+\(.*\)$/.test(text) || text.startsWith('(')
  const key = isExpression === true && !isCall ? `(${text})` : text
  return [key, opclass, isDescending === true && 'desc', nulls && `nulls ${nulls}`].filter(Boolean).join(' ')
}
