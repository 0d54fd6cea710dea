import { lastName, namesOf, type Node } from './ast.js'
import type { Need } from './needs.js'
import type { CatalogColumn } from './types.js'

/** What a name in FROM stands for: a table, or the columns of a subquery. */
export type Source =
  { alias: string; need: Need } | { alias: string; outputs: Map<string, Node>; inner: Scope; stars: Source[] }

/** Where a column's name is looked for: first among what is named beside it, then outside. */
export interface Scope {
  sources: Source[]
  ctes: Map<string, Derived>
  outer: Scope | undefined
}

/** What a subquery gives. */
export interface Derived {
  outputs: Map<string, Node>
  inner: Scope
  stars: Source[]
}

export interface FoundColumn {
  need: Need
  column: CatalogColumn
}

/** The column of a table that a name leads to, through subqueries and WITH; undefined: something computed, or not known. */
export function resolveColumn(node: Node, scope: Scope): FoundColumn | undefined {
  if (!('ColumnRef' in node)) return undefined
  const names = namesOf(node.ColumnRef.fields)
  const column = names.at(-1) ?? ''
  const table = names.at(-2)
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    for (const source of at.sources) {
      if (table !== undefined && source.alias !== table) continue
      const found = findIn(source, column)
      if (found === 'computed') return undefined
      if (found !== undefined) return found
    }
  }
  return undefined
}

function findIn(source: Source, name: string): FoundColumn | 'computed' | undefined {
  if ('need' in source) {
    const column = source.need.table.columns.find((each) => each.name === name)
    return column && { need: source.need, column }
  }
  const output = source.outputs.get(name)
  if (output !== undefined) return resolveColumn(output, source.inner) ?? 'computed'
  for (const star of source.stars) {
    const found = findIn(star, name)
    if (found !== undefined) return found
  }
  return undefined
}

/** The columns a subquery gives, by their names. */
export function readOutputs(targets: readonly Node[] | undefined, scope: Scope, names: readonly string[]): Derived {
  const derived: Derived = { outputs: new Map(), inner: scope, stars: [] }
  for (const [place, target] of (targets ?? []).entries()) {
    if (!('ResTarget' in target) || target.ResTarget.val === undefined) continue
    const { val, name } = target.ResTarget
    if (isStar(val)) derived.stars.push(...starSources(val, scope))
    else derived.outputs.set(names[place] ?? name ?? impliedName(val), val)
  }
  return derived
}

export function isStar(node: Node): boolean {
  return 'ColumnRef' in node && 'A_Star' in (node.ColumnRef.fields?.at(-1) ?? {})
}

/** `*`, or `o.*`. */
export function starSources(node: Node, scope: Scope): Source[] {
  if (!('ColumnRef' in node)) return []
  const table = namesOf(node.ColumnRef.fields).at(-2)
  return scope.sources.filter(({ alias }) => table === undefined || alias === table)
}

function impliedName(node: Node): string {
  if ('ColumnRef' in node) return namesOf(node.ColumnRef.fields).at(-1) ?? ''
  if ('FuncCall' in node) return lastName(node.FuncCall.funcname)
  if ('TypeCast' in node && node.TypeCast.arg !== undefined) return impliedName(node.TypeCast.arg)
  return ''
}
