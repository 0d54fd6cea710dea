import type { Node } from './ast.js'
import { readOperand } from './expression.js'
import type { Filter, Need } from './needs.js'
import { noteParameters, type Reader } from './reader.js'
import type { Scope } from './scope.js'

interface Pattern {
  operator: string
  lexpr: Node
  rexpr: Node
}

/** LIKE: an index serves what begins with something. */
export function readPattern(
  { operator, lexpr, rexpr }: Pattern,
  scope: Scope,
  { needs, hasTrigrams }: Reader,
  filterOf: (need: Need) => Filter,
): void {
  const [left, right] = [readOperand(lexpr, scope), readOperand(rexpr, scope)]
  if (left.kind !== 'key' || right.kind !== 'constant' || operator.startsWith('!')) return
  const { key, need } = left
  const isOpen = right.literal !== undefined && /^E?'[%_]/.test(right.literal)
  if (hasTrigrams && (operator === '~~*' || isOpen)) {
    filterOf(need).contains.push({ key, opclass: 'gin_trgm_ops' })
    return
  }
  if (operator === '~~*') {
    needs.refused.add(
      `ILIKE on ${key.text}: a B-tree does not serve it; pg_trgm does (\`create extension pg_trgm\`, an index using gin (${key.text} gin_trgm_ops)), and for a beginning an index on lower(${key.text}).`,
    )
    return
  }
  if (isOpen) {
    needs.refused.add(
      `LIKE on ${key.text} begins with a wildcard: a B-tree does not serve it; pg_trgm does (an index using gin (${key.text} gin_trgm_ops)).`,
    )
    return
  }
  filterOf(need).prefixes.push(key)
  noteParameters(right.parameters, need, key, 'prefix', needs)
}
