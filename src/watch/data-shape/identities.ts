import { readCell, toKey } from './cells.js'
import type { ResultShape, ShapeColumn, ShapeSource } from './result-shape.js'
import type { TableInfo } from './store.js'

/** How rows of a source are told apart. */
export interface Identity {
  source: ShapeSource
  columns: readonly ShapeColumn[]
  /** By a key. Otherwise by all there is, and rows that look alike may be different ones. */
  isCertain: boolean
}

/** Undefined: a column that tells rows apart was lost to another one of the same name, so nothing can be said. */
export function identify(
  { sources }: ResultShape,
  tables: ReadonlyMap<number, TableInfo>,
): readonly Identity[] | undefined {
  const identities: Identity[] = []
  for (const source of sources) {
    const identity = identifySource(source, tables.get(source.tableId)?.keys ?? [])
    if (identity === undefined) return undefined
    identities.push(identity)
  }
  return identities
}

function identifySource(source: ShapeSource, keys: TableInfo['keys']): Identity | undefined {
  const there = source.columns.filter(({ isLost }) => !isLost)
  for (const key of keys) {
    const columns = key.map((columnId) => there.find((column) => column.columnId === columnId))
    if (columns.every((column) => column !== undefined)) return { source, columns, isCertain: true }
  }
  return there.length === source.columns.length ? { source, columns: there, isCertain: false } : undefined
}

/** Small numbers, from 1, in the order of their first appearance; 0: nothing there, as of the far side of a left join. */
export type Ids = Uint32Array

/** A number for each different row of a source, at these places of the result. */
export function numberRows(
  columns: readonly ShapeColumn[],
  rows: readonly unknown[],
  places: ArrayLike<number>,
): { ids: Ids; distinct: number } {
  const [only] = columns
  const ids = new Uint32Array(places.length)
  const known = new Map<unknown, number>()
  let last: unknown
  let lastId = 0
  for (let k = 0; k < places.length; k++) {
    const row = rows[places[k] as number]
    const key = columns.length === 1 ? toKey(readCell(row, only as ShapeColumn)) : joinKeys(columns, row)
    if (key !== last) {
      last = key
      lastId = key === null ? 0 : (known.get(key) ?? 0)
      if (key !== null && lastId === 0) known.set(key, (lastId = known.size + 1))
    }
    ids[k] = lastId
  }
  return { ids, distinct: known.size }
}

function joinKeys(columns: readonly ShapeColumn[], row: unknown): string | null {
  let joined = ''
  let isNull = true
  for (const column of columns) {
    const key = toKey(readCell(row, column))
    if (key !== null) isNull = false
    joined += `${typeof key}${String(key)}\0`
  }
  return isNull ? null : joined
}

/** A number for each different pair; `distinct` counts those of which `a` is there. */
export function combine(a: Ids, b: Ids): { ids: Ids; distinct: number } {
  const ids = new Uint32Array(a.length)
  const known = new Map<number, number>()
  let size = 1
  for (const id of b) if (id >= size) size = id + 1
  let last = -1
  let lastId = 0
  let distinct = 0
  for (let k = 0; k < a.length; k++) {
    const key = (a[k] as number) * size + (b[k] as number)
    if (key !== last) {
      last = key
      lastId = known.get(key) ?? 0
      if (lastId === 0) {
        known.set(key, (lastId = known.size + 1))
        if (a[k] !== 0) distinct++
      }
    }
    ids[k] = lastId
  }
  return { ids, distinct }
}

/** How many different `ids` each group has. By the group's number. */
export function countPerGroup(groups: Ids, ids: Ids, most: number): Uint32Array {
  const counts = new Uint32Array(most + 1)
  let seen = 0
  for (let k = 0; k < ids.length; k++) {
    // Numbers are given in the order of their first appearance, and an id belongs to one group.
    if ((ids[k] as number) <= seen) continue
    seen = ids[k] as number
    counts[groups[k] as number] = (counts[groups[k] as number] as number) + 1
  }
  return counts
}
