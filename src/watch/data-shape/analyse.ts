import { measureCell, readCell, toKey } from './cells.js'
import { identify, numberRows, type Identity } from './identities.js'
import { findMultiplication, refine, type Multiplied, type NumberedSource } from './multiplication.js'
import { lookQuickly, SUSPICIOUS } from './quick-look.js'
import type { ResultLike, ResultShape, ShapeColumn } from './result-shape.js'
import { chooseRows, pick, renumber, type Sample } from './sample.js'
import type { TableInfo } from './store.js'

/** What a table of a statement contributes to its result. */
export interface SourceFigures {
  tableId: number
  alias: number
  /** Times each of its rows is in the result, on average. */
  repeat: number
  /** Share of the result's bytes that is a row of it which was there already. */
  wastedShare: number
}

/** How a result is made up, from at most 500 of its rows and, where these do not agree, from keys of more. */
export interface DataShape {
  rows: number
  /** Rows of which all was looked at. */
  lookedAt: number
  /** Rows of which keys were looked at. */
  keysLookedAt: number
  /** Rows over those of the source that has most of them. 1: not multiplied. */
  factor: number
  /** Standard error of `factor`, over it. */
  error: number
  /** Places in `sources` of those that multiply each other. */
  children: readonly number[]
  parent: number | undefined
  /** False: rows were told apart without a key, or no table was found within which they multiply. */
  isCertain: boolean
  sources: readonly SourceFigures[]
  wastedShare: number
}

export interface AnalyseLimits {
  /** Rows of which all is looked at. Default: 500. */
  mostRows?: number
  /** Rows of which keys are looked at, where parents differ so much that the others do not tell the factor. Default: 20 000. 0: none. */
  mostKeys?: number
  /** Rows of which keys are looked at, where the others show nothing and a quick look at all of them does. Default: 5 000. 0: none. */
  mostSearched?: number
}

const MOST_ROWS = 500
const MOST_KEYS = 20_000
const MOST_SEARCHED = 5_000
const MOST_SOURCES = 8
/** Above it (twice: 95 % of samples are nearer) keys of more rows are looked at. */
const MOST_ERROR = 0.005
const MOST_MEASURED = 100

/** Undefined: fewer than two tables, very many, or one whose rows cannot be told apart as its key was lost to a namesake. */
export function analyseShape(
  result: ResultLike,
  shape: ResultShape,
  tables: ReadonlyMap<number, TableInfo>,
  { mostRows = MOST_ROWS, mostKeys = MOST_KEYS, mostSearched = MOST_SEARCHED }: AnalyseLimits = {},
): DataShape | undefined {
  const { sources } = shape
  if (sources.length < 2 || sources.length > MOST_SOURCES) return undefined
  const identities = identify(shape, tables)
  if (identities === undefined) return undefined
  const { rows } = result
  const few = look(identities, shape, rows, chooseRows(rows.length, mostRows, chooseRuns(identities, rows, mostRows)))
  const { parent, factor, error } = few.found
  if (few.sample.isWhole || (factor > 1 && error <= MOST_ERROR)) return describe(shape, rows, few)
  if (factor > 1 && parent !== undefined) {
    if (mostKeys <= mostRows) return describe(shape, rows, few)
    const more = chooseRows(rows.length, mostKeys, KEY_RUNS)
    const found = { ...few.found, ...refine({ ...few.found, parent }, identities, rows, more) }
    return describe(shape, rows, { ...few, found }, more)
  }
  const isSuspicious = mostSearched > mostRows && lookQuickly(shape, rows, 0, mostKeys) >= SUSPICIOUS
  if (!isSuspicious) return describe(shape, rows, few)
  return describe(shape, rows, look(identities, shape, rows, chooseRows(rows.length, mostSearched, KEY_RUNS)))
}

const KEY_RUNS = 4

interface Look {
  sample: Sample
  sources: readonly NumberedSource[]
  found: Multiplied
}

function look(identities: readonly Identity[], shape: ResultShape, rows: readonly unknown[], sample: Sample): Look {
  const sources = identities.map((identity) => ({ identity, ...numberRows(identity.columns, rows, sample.places) }))
  return { sample, sources, found: findMultiplication(sources, shape, rows, sample) }
}

/** As many as leave each run with whole parents, judged by the first one. */
function chooseRuns(identities: readonly Identity[], rows: readonly unknown[], mostRows: number): number {
  let longest = 1
  for (const { columns } of identities) {
    const read = (place: number) => columns.map((column) => toKey(readCell(rows[place], column))).join('\0')
    const first = read(0)
    let length = 1
    while (length < rows.length && length <= mostRows / 2 && read(length) === first) length++
    if (length <= mostRows / 2) longest = Math.max(longest, length)
  }
  return Math.min(5, Math.max(1, Math.floor(mostRows / (2.5 * longest))))
}

function describe(
  shape: ResultShape,
  rows: readonly unknown[],
  { sample, sources, found }: Look,
  keys: Sample = sample,
): DataShape {
  const { kept, factor, error, children, parent, isCertain } = found
  const used = kept.length > 0 ? kept : Uint32Array.from({ length: sample.places.length }, (_, k) => k)
  const figures = sources.map(({ identity: { source }, ids }) => {
    const own = pick(ids, used)
    let there = 0
    for (const id of own) if (id !== 0) there++
    return { source, there, distinct: renumber(own).distinct, width: measureSource(source.columns, rows, sample, ids) }
  })
  let bytes = measureRows(shape.expressions, rows, sample) * used.length
  for (const { there, width } of figures) bytes += there * width
  const described = figures.map(({ source: { tableId, alias }, there, distinct, width }) => ({
    tableId,
    alias,
    repeat: distinct === 0 ? 1 : there / distinct,
    wastedShare: bytes === 0 ? 0 : ((there - distinct) * width) / bytes,
  }))
  return {
    rows: rows.length,
    lookedAt: Math.min(sample.places.length, MOST_ROWS),
    keysLookedAt: keys.places.length,
    factor,
    error,
    children,
    parent,
    isCertain,
    sources: described,
    wastedShare: described.reduce((sum, { wastedShare }) => sum + wastedShare, 0),
  }
}

/** What a row of a source takes on the wire, on average of some different ones. @unit bytes */
function measureSource(
  columns: readonly ShapeColumn[],
  rows: readonly unknown[],
  { places }: Sample,
  ids: Uint32Array,
): number {
  let [measured, bytes, highest] = [0, 0, 0]
  for (let k = 0; k < ids.length && measured < MOST_MEASURED; k++) {
    if ((ids[k] as number) <= highest) continue
    highest = ids[k] as number
    measured++
    bytes += measureRow(columns, rows[places[k] as number])
  }
  return measured === 0 ? 0 : bytes / measured
}

function measureRows(columns: readonly ShapeColumn[], rows: readonly unknown[], { places }: Sample): number {
  if (columns.length === 0) return 0
  const amount = Math.min(places.length, MOST_MEASURED)
  let bytes = 0
  for (let k = 0; k < amount; k++) bytes += measureRow(columns, rows[places[k] as number])
  return amount === 0 ? 0 : bytes / amount
}

function measureRow(columns: readonly ShapeColumn[], row: unknown): number {
  let bytes = 0
  // What was lost to a namesake came over the wire too, and is not there to be measured.
  for (const column of columns) if (!column.isLost) bytes += measureCell(readCell(row, column))
  return bytes
}
