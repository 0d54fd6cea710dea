import type { Statement } from '../parser.js'
import { openKnown, type KnownShape } from './known-shape.js'
import type { PlanRow, StoredPlan } from './store.js'

export function toRow({ id: statement }: Statement, known: KnownShape): PlanRow {
  const { shape, isInferred, unwritten: seen, typicalMs, slowMs, cost, facts = null } = known
  const accesses = shape.accesses.map(({ relation, access, indexes, partitions }) => ({
    relation,
    access,
    indexes,
    partitions,
  }))
  return {
    statement,
    shape: shape.id,
    tree: { root: shape.tree, accesses },
    is_inferred: isInferred,
    seen,
    typical_ms: typicalMs,
    slow_ms: slowMs,
    cost,
    facts,
  }
}

export function fromStored({ shape: id, tree, is_inferred: isInferred, ...row }: StoredPlan): KnownShape {
  const accesses = tree.accesses.map((access) => ({ ...access, rows: 0 }))
  const shape = { id, tree: tree.root, accesses, cost: row.cost, rows: 0, casts: [], settings: {} }
  const { seen, typical_ms: typicalMs, slow_ms: slowMs, facts } = row
  return { ...openKnown(shape, isInferred), seen: Number(seen), typicalMs, slowMs, facts: facts ?? undefined }
}
