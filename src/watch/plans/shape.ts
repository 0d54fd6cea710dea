import { createHash } from 'node:crypto'
import type { Access, AccessFamily, PlanNode, PlanShape } from './plan-types.js'

/** A node as EXPLAIN (FORMAT JSON, VERBOSE) gives it. */
interface RawNode {
  'Node Type': string
  'Relation Name'?: string
  Schema?: string
  'CTE Name'?: string
  'Function Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  'Join Type'?: string
  Operation?: string
  Filter?: string
  'Recheck Cond'?: string
  'Hash Cond'?: string
  'Merge Cond'?: string
  'Join Filter'?: string
  'Sort Key'?: string[]
  'Total Cost'?: number
  'Plan Rows'?: number
  'Subplans Removed'?: number
  Plans?: RawNode[]
}

export interface RawPlan {
  Plan: RawNode
  Settings?: Record<string, string>
}

/** They come and go with parallel workers, memory and limits; the way to the rows is the same. */
const passing = new Set([
  'Gather',
  'Gather Merge',
  'Materialize',
  'Memoize',
  'Limit',
  'Hash',
  'Subquery Scan',
  'ProjectSet',
  'LockRows',
])
const MOST_CONDITION = 500

/** What a plan is, however many rows it is for and whatever the values are. */
export function toShape({ Plan: root, Settings: settings = {} }: RawPlan): PlanShape {
  const accesses: Access[] = []
  const casts = new Set<string>()
  const tree = toNode(root, accesses, casts) ?? { op: 'Result' }
  const id = hash(identify(tree))
  const merged = mergeAccesses(accesses)
  return {
    id,
    tree,
    accesses: merged,
    cost: root['Total Cost'] ?? 0,
    rows: root['Plan Rows'] ?? 0,
    casts: [...casts],
    settings: Object.fromEntries(Object.entries(settings).filter(([name]) => name !== 'plan_cache_mode')),
  }
}

function toNode(raw: RawNode, accesses: Access[], casts: Set<string>): PlanNode | undefined {
  const kind = raw['Node Type']
  const children = () => mergeAlike((raw.Plans ?? []).flatMap((each) => toNode(each, accesses, casts) ?? []))
  if (raw['Relation Name'] !== undefined && kind !== 'ModifyTable') return toScan(raw, accesses, casts)
  if (passing.has(kind)) {
    const below = children()
    return below.length <= 1 ? below[0] : { op: kind, children: below }
  }
  const below = children()
  const [only] = below
  // In parts by workers, or merely projected.
  if (only && below.length === 1 && (only.op === kind || kind === 'Result') && isRepeated(kind)) return only
  const node: PlanNode = { op: nameOperator(raw) }
  const cond = raw['Hash Cond'] ?? raw['Merge Cond'] ?? raw['Join Filter'] ?? raw['Sort Key']?.join(', ')
  if (cond !== undefined) node.cond = withoutValues(cond)
  if (raw.Filter !== undefined) node.filter = withoutValues(raw.Filter)
  if (below.length > 0) node.children = below
  return node
}

const isRepeated = (kind: string): boolean => kind === 'Aggregate' || kind === 'Result' || kind === 'Sort'

function nameOperator(raw: RawNode): string {
  const kind = raw['Node Type']
  if (kind === 'Incremental Sort') return 'Sort'
  if (kind === 'ModifyTable') return raw.Operation ?? kind
  if (raw['CTE Name'] !== undefined) return `${kind} on ${raw['CTE Name']}`
  if (raw['Function Name'] !== undefined) return `${kind} on ${raw['Function Name']}`
  const join = raw['Join Type']
  return join === undefined || join === 'Inner' ? kind : `${kind} (${join})`
}

function toScan(raw: RawNode, accesses: Access[], casts: Set<string>): PlanNode {
  const relation = `${raw.Schema ?? 'pg_temp'}.${raw['Relation Name'] as string}`
  const { access, indexes, cond } = readAccess(raw)
  accesses.push({ relation, access, indexes, rows: raw['Plan Rows'] ?? 0, partitions: 1 })
  for (const cast of raw.Filter === undefined ? [] : findCasts(raw.Filter)) casts.add(`${relation}.${cast}`)
  const node: PlanNode = { op: 'Scan', relation, access }
  if (indexes.length > 0) node.indexes = indexes
  if (cond !== undefined) node.cond = withoutValues(cond)
  if (raw.Filter !== undefined) node.filter = withoutValues(raw.Filter)
  // A subplan of the filter.
  const below = (raw.Plans ?? []).filter((each) => !each['Node Type'].startsWith('Bitmap'))
  const children = below.flatMap((each) => toNode(each, accesses, casts) ?? [])
  if (children.length > 0) node.children = children
  return node
}

function readAccess(raw: RawNode): { access: AccessFamily; indexes: string[]; cond: string | undefined } {
  const kind = raw['Node Type']
  if (kind === 'Seq Scan' || kind === 'Sample Scan') return { access: 'seq', indexes: [], cond: undefined }
  if (kind === 'Index Scan' || kind === 'Index Only Scan') {
    const cond = raw['Index Cond']
    return { access: cond === undefined ? 'walk' : 'index', indexes: [raw['Index Name'] as string], cond }
  }
  if (kind === 'Bitmap Heap Scan') {
    return { access: 'index', indexes: [...listBitmaps(raw)].toSorted(), cond: raw['Recheck Cond'] }
  }
  return { access: 'other', indexes: [], cond: undefined }
}

function* listBitmaps(raw: RawNode): Generator<string> {
  for (const each of raw.Plans ?? []) {
    if (each['Index Name'] !== undefined && each['Node Type'] === 'Bitmap Index Scan') yield each['Index Name']
    yield* listBitmaps(each)
  }
}

/** Sixty partitions that are read the same way are one, and one more tomorrow is no other plan. */
function mergeAlike(nodes: readonly PlanNode[]): PlanNode[] {
  const merged = new Map<string, PlanNode>()
  for (const node of nodes) {
    const alike = { ...node, ...withoutNumbers(node) }
    const key = identify(alike)
    merged.set(key, merged.has(key) ? alike : node)
  }
  return [...merged.values()]
}

function withoutNumbers({ relation, indexes }: PlanNode): Pick<PlanNode, 'relation' | 'indexes'> {
  const found: Pick<PlanNode, 'relation' | 'indexes'> = {}
  if (relation !== undefined) found.relation = withoutDigits(relation)
  if (indexes !== undefined) found.indexes = indexes.map(withoutDigits)
  return found
}

/** `events_2026_07` and `events_p12` have siblings. */
const withoutDigits = (name: string): string => name.replaceAll(/\d+/g, '*').replaceAll(/\*(?:_\*)+/g, '*')

function mergeAccesses(accesses: readonly Access[]): Access[] {
  const merged = new Map<string, Access>()
  for (const access of accesses) {
    const isAlone = !accesses.some((other) => other !== access && alike(other, access))
    const relation = isAlone ? access.relation : withoutDigits(access.relation)
    const indexes = isAlone ? access.indexes : access.indexes.map(withoutDigits)
    const key = JSON.stringify([relation, access.access, indexes])
    const known = merged.get(key)
    if (known) {
      known.rows += access.rows
      known.partitions++
    } else merged.set(key, { ...access, relation, indexes })
  }
  return [...merged.values()]
}

const alike = (one: Access, other: Access): boolean =>
  one.relation !== other.relation && withoutDigits(one.relation) === withoutDigits(other.relation)

/** Conditions are for whoever looks: the same shape may have others. */
function identify({ op, relation = '', access, indexes = [], children = [] }: PlanNode): string {
  return `${op}(${relation}:${access ?? ''}:${indexes.join('+')}${children.map((each) => `,${identify(each)}`).join('')})`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest().readBigInt64BE().toString()
}

/** Values become `?`: what a plan shows of a condition holds the parameters of the user. */
export function withoutValues(condition: string): string {
  const bare = condition
    .replaceAll(/[EeBbXx]?'(?:[^']|'')*'/g, '?')
    .replaceAll(/(?<![\w"$.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w"])/g, '?')
    .replaceAll(/\{\?(?:,\s*\?)*\}/g, '?')
  return bare.length > MOST_CONDITION ? `${bare.slice(0, MOST_CONDITION)} …` : bare
}

/** `((id)::numeric = …)`: the column is cast, not the value. */
function findCasts(filter: string): string[] {
  const found = filter.matchAll(/\(([a-z_"][\w."]*)\)::([a-z][a-z ]*[a-z])/gi)
  return [...found].map(([, column, type]) => `${(column as string).replace(/^.*\./, '')}::${type}`)
}
