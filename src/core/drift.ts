import { catalog } from './schema.gen.js'
import type { CatalogRow } from './store.js'

export interface DriftItem {
  kind: CatalogRow['kind']
  name: string
  state: 'missing' | 'changed' | 'extra'
}

/** Compares what the schema holds with what this package's migrations make. Indexes of yours on our tables count as extra. */
export function findDrift(live: readonly CatalogRow[]): DriftItem[] {
  const keyOf = ({ kind, name }: CatalogRow) => `${kind} ${name}`
  const found = new Map(live.map((row) => [keyOf(row), row]))
  const drift: DriftItem[] = []
  for (const expected of catalog) {
    const row = found.get(keyOf(expected))
    found.delete(keyOf(expected))
    if (!row) drift.push({ kind: expected.kind, name: expected.name, state: 'missing' })
    else if (row.definition !== expected.definition) drift.push({ kind: row.kind, name: row.name, state: 'changed' })
  }
  for (const { kind, name } of found.values()) drift.push({ kind, name, state: 'extra' })
  return drift
}
