import { readCell, toKey } from './cells.js'
import { combine, countPerGroup, numberRows, type Identity, type Ids } from './identities.js'
import { keepWhole, pick, renumber, type Sample } from './sample.js'
import type { ResultShape, ShapeColumn } from './result-shape.js'

/** A source of the statement, and what its rows of the sample are. */
export interface NumberedSource {
  identity: Identity
  ids: Ids
  distinct: number
}

/** Two sources of which each row of the one comes with each row of the other, within a row of a third. */
interface Product {
  left: number
  right: number
  pivot: Pivot
}

interface Pivot {
  /** Undefined: a column that both sides share, or the whole result. */
  source: number | undefined
  ids: Ids
  distinct: number
  isCertain: boolean
}

export interface Multiplied {
  /** Rows over those of the source that has most of them: what the same would be in loads of their own. 1: not multiplied. */
  factor: number
  /** Standard error over `factor`. 0: exact, or all parents alike. */
  error: number
  /** Sources that multiply each other. Empty: whole rows come again, by a table that is not in the result, or nothing does. */
  children: readonly number[]
  parent: number | undefined
  isCertain: boolean
  /** Sources that no other one determines. */
  leaves: readonly number[]
  /** Indexes of the sample that the figures are from. */
  kept: Uint32Array
}

/** Less than all may agree, where a filter looks at both sides; a path of joins is far from it. */
const LEAST_OF_PRODUCT = 0.95
/** A product of which one side is nearly always one row is none to speak of. */
const LEAST_EXCESS = 1.2
const MOST_LEAVES = 5
const MOST_SHARED = 12

/**
 * Whether rows are multiplied, and by how much. Repeats alone do not tell: in orders with their tags each tag comes with
 * many orders, and nothing is multiplied. It is where items and tags are independent within an order: the multivalued
 * dependency of which fourth normal form speaks.
 */
export function findMultiplication(
  sources: readonly NumberedSource[],
  shape: ResultShape,
  rows: readonly unknown[],
  sample: Sample,
): Multiplied {
  const leaves = findLeaves(sources)
  const products = findProducts(sources, leaves, rows, sample)
  if (products.length === 0) return findRepeatedRows(sources, leaves, shape, rows, sample)
  const { pivot } = products.reduce((a, b) => (b.pivot.distinct < a.pivot.distinct ? b : a))
  const kept = keepWhole(sample, pivot.ids)
  const groups = renumber(pick(pivot.ids, kept)).ids
  const children = [...new Set(products.flatMap(({ left, right }) => [left, right]))].sort((a, b) => a - b)
  const needs = leaves.map((leaf) => {
    const own = products.find(({ left, right }) => left === leaf || right === leaf)?.pivot ?? pivot
    return countNeeds(pick(own.ids, kept), pick((sources[leaf] as NumberedSource).ids, kept))
  })
  const isCertain = products.every(
    ({ left, right, pivot }) => pivot.isCertain && isKnown(sources[left]) && isKnown(sources[right]),
  )
  return { ...estimate(groups, needs, sample), children, parent: pivot.source, isCertain, leaves, kept }
}

/** The factor alone, from more rows, where a few have told which sources multiply each other within which one. */
export function refine(
  { leaves, parent }: Pick<Multiplied, 'leaves'> & { parent: number },
  identities: readonly Identity[],
  rows: readonly unknown[],
  sample: Sample,
): { factor: number; error: number } {
  const number = (place: number) => numberRows((identities[place] as Identity).columns, rows, sample.places).ids
  const pivot = number(parent)
  const kept = keepWhole(sample, pivot)
  const groups = renumber(pick(pivot, kept)).ids
  return estimate(
    groups,
    leaves.map((leaf) => countNeeds(groups, pick(number(leaf), kept))),
    sample,
  )
}

/** Rows of a source within each parent. Nothing there, on the far side of a left join, is no row. */
function countNeeds(pivot: Ids, ids: Ids): Ids {
  const needs = combine(pivot, ids).ids
  for (let k = 0; k < ids.length; k++) if (ids[k] === 0) needs[k] = 0
  return needs
}

/** Sources that no other one determines: an item has one order, so the order is none. */
function findLeaves(sources: readonly NumberedSource[]): number[] {
  const determines = sources.map((by) =>
    sources.map((of) => by === of || (by.distinct > 0 && combine(by.ids, of.ids).distinct === by.distinct)),
  )
  const isAbove = (of: number, by: number) =>
    of !== by && determines[by]?.[of] === true && (determines[of]?.[by] !== true || by < of)
  return sources
    .map((_, place) => place)
    .filter((of) => (sources[of] as NumberedSource).distinct > 0 && !sources.some((_, by) => isAbove(of, by)))
    .sort((a, b) => (sources[b] as NumberedSource).distinct - (sources[a] as NumberedSource).distinct)
    .slice(0, MOST_LEAVES)
}

function findProducts(
  sources: readonly NumberedSource[],
  leaves: readonly number[],
  rows: readonly unknown[],
  sample: Sample,
): Product[] {
  const products: Product[] = []
  for (const [place, left] of leaves.entries())
    for (const right of leaves.slice(place + 1)) {
      const sides = [sources[left] as NumberedSource, sources[right] as NumberedSource] as const
      for (const pivot of listPivots(sources, leaves, [left, right], rows, sample)) {
        if (!isProduct(pivot, sides[0].ids, sides[1].ids, sample)) continue
        products.push({ left, right, pivot })
        break
      }
    }
  return products
}

/** Tables above both first, the finest of them first; then a column that both share, as of a parent that is not in the result. */
function* listPivots(
  sources: readonly NumberedSource[],
  leaves: readonly number[],
  [left, right]: readonly [number, number],
  rows: readonly unknown[],
  sample: Sample,
): Generator<Pivot> {
  const others = sources
    .map((each, source) => ({ ...each, source }))
    .filter(({ source }) => source !== left && source !== right)
  const isLeaf = ({ source }: { source: number }) => leaves.includes(source)
  const byRows = others.sort((a, b) => b.distinct - a.distinct)
  const toPivot = ({ source, ids, distinct, identity }: (typeof others)[number]): Pivot => ({
    source,
    ids,
    distinct,
    isCertain: identity.isCertain,
  })
  for (const each of byRows) if (!isLeaf(each)) yield toPivot(each)
  const shared = findShared(sources[left] as NumberedSource, sources[right] as NumberedSource, rows, sample)
  if (shared !== undefined) yield { source: undefined, ...numberRows([shared], rows, sample.places), isCertain: true }
  for (const each of byRows) if (isLeaf(each)) yield toPivot(each)
  yield { source: undefined, ids: new Uint32Array(sample.places.length).fill(1), distinct: 1, isCertain: false }
}

/** A column of one side that equals one of the other side in each row: what they were joined by. */
function findShared(
  left: NumberedSource,
  right: NumberedSource,
  rows: readonly unknown[],
  { places }: Sample,
): ShapeColumn | undefined {
  const isEqual = (a: ShapeColumn, b: ShapeColumn, most: number) => {
    for (let k = 0, seen = 0; k < places.length && seen < most; k++) {
      if (left.ids[k] === 0 || right.ids[k] === 0) continue
      const row = rows[places[k] as number]
      const key = toKey(readCell(row, a))
      if (key === null || key === 'object' || key !== toKey(readCell(row, b))) return false
      seen++
    }
    return true
  }
  const listColumns = ({ identity }: NumberedSource) =>
    identity.source.columns.filter(({ isLost }) => !isLost).slice(0, MOST_SHARED)
  for (const a of listColumns(left))
    for (const b of listColumns(right)) if (isEqual(a, b, 3) && isEqual(a, b, places.length)) return a
  return undefined
}

function isProduct(pivot: Pivot, left: Ids, right: Ids, sample: Sample): boolean {
  const kept = keepWhole(sample, pivot.ids)
  const { ids: groups, distinct: most } = renumber(pick(pivot.ids, kept))
  const a = combine(groups, pick(left, kept)).ids
  const b = combine(groups, pick(right, kept)).ids
  const both = combine(a, b).ids
  const [perLeft, perRight] = [countPerGroup(groups, a, most), countPerGroup(groups, b, most)]
  const perBoth = countPerGroup(groups, both, most)
  let [full, found, needed] = [0, 0, 0]
  for (let group = 1; group <= most; group++) {
    const [x, y] = [perLeft[group] as number, perRight[group] as number]
    full += x * y
    found += perBoth[group] as number
    needed += Math.max(x, y)
  }
  return full >= LEAST_EXCESS * needed && found >= LEAST_OF_PRODUCT * full
}

/** Each row comes several times, as a whole: a table multiplies it of which nothing is in the result. */
function findRepeatedRows(
  sources: readonly NumberedSource[],
  leaves: readonly number[],
  { expressions }: ResultShape,
  rows: readonly unknown[],
  sample: Sample,
): Multiplied {
  const [first, ...rest] = leaves.map((leaf) => sources[leaf] as NumberedSource)
  const ofNone = keepWhole(sample, findCoarsest(sources, sample))
  const none = { factor: 1, error: 0, children: [], parent: undefined, isCertain: true, leaves, kept: ofNone }
  if (first === undefined) return none
  let { ids } = rest.reduce((whole, { ids }) => combine(whole.ids, ids), { ids: first.ids, distinct: first.distinct })
  const computed = expressions.filter(({ isLost }) => !isLost)
  if (computed.length > 0) ids = combine(ids, numberRows(computed, rows, sample.places).ids).ids
  const kept = keepWhole(sample, ids)
  const { ids: groups } = renumber(pick(ids, kept))
  const { factor, error } = estimate(groups, [groups], sample)
  if (factor < LEAST_EXCESS) return none
  return { factor, error, children: [], parent: undefined, isCertain: sources.every(isKnown), leaves, kept }
}

/** Of those that come again, the one with the fewest rows: its repeats are what a run's edge may cut. */
function findCoarsest(sources: readonly NumberedSource[], { places }: Sample): Ids {
  const coming = sources.filter(({ distinct }) => distinct > 1 && distinct < places.length)
  const coarsest = coming.reduce<NumberedSource | undefined>(
    (a, b) => (a && a.distinct <= b.distinct ? a : b),
    undefined,
  )
  return coarsest?.ids ?? new Uint32Array(places.length)
}

function isKnown(source: NumberedSource | undefined): boolean {
  return source?.identity.isCertain === true
}

/**
 * A ratio estimate: rows over the most that a source needs, both added up over whole parents. Its error is that of how much
 * parents differ, and none where the result was seen whole.
 */
function estimate(groups: Ids, needs: readonly Ids[], { total, isWhole }: Sample): { factor: number; error: number } {
  const parents = renumber(groups).distinct
  const rowsPer = new Uint32Array(parents + 1)
  for (const group of groups) rowsPer[group] = (rowsPer[group] as number) + 1
  let most = 0
  let per: Uint32Array = new Uint32Array(0)
  for (const need of needs) {
    const counts = countPerGroup(groups, renumber(need).ids, parents)
    let sum = 0
    for (let group = 1; group <= parents; group++) sum += counts[group] as number
    if (sum > most) [most, per] = [sum, counts]
  }
  const rows = groups.length - (rowsPer[0] as number)
  if (most === 0 || rows === 0) return { factor: 1, error: isWhole ? 0 : Infinity }
  const factor = rows / most
  if (isWhole) return { factor, error: 0 }
  let squares = 0
  for (let group = 1; group <= parents; group++)
    squares += ((rowsPer[group] as number) - factor * (per[group] as number)) ** 2
  const unseen = Math.max(0, 1 - rows / total)
  if (countChanges(groups) > LEAST_EXCESS * parents) return { factor, error: Infinity }
  return { factor, error: parents < 2 ? Infinity : Math.sqrt((squares * parents * unseen) / (parents - 1)) / rows }
}

/** Where rows of a parent do not lie together no run holds one whole, and nothing can be said of the error. */
function countChanges(groups: Ids): number {
  let changes = 1
  for (let k = 1; k < groups.length; k++) if (groups[k] !== groups[k - 1]) changes++
  return changes
}
