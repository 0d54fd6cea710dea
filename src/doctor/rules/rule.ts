import type TS from 'typescript-5'
import type { Way } from '../call-graph.js'
import type { CallGraph } from '../call-graph.js'
import type { Project } from '../project.js'
import type { CallResolver } from '../resolve-call.js'
import type { SourceFunction, SourceIndex } from '../source-index.js'
import type { RuleId, ScanOptions, Severity } from '../types.js'

/** What a rule has found; the scan adds where it is and how a request comes there. */
export interface Spot {
  rule: RuleId
  severity: Severity
  node: TS.Node
  way: Way | undefined
  sentence: string
  fix: string
}

export interface ScanContext {
  project: Project
  index: SourceIndex
  resolver: CallResolver
  graph: CallGraph
  options: ScanOptions
}

/** Looks at one node after the other, of all files that are scanned. */
export type Rule = (
  context: ScanContext,
  report: (spot: Spot) => void,
) => (node: TS.Node, inside: SourceFunction | undefined) => void

/** One walk through all files for all rules. */
export function runRules(context: ScanContext, rules: readonly Rule[]): Spot[] {
  const { project, index } = context
  const spots: Spot[] = []
  const looks = rules.map((rule) => rule(context, (spot) => void spots.push(spot)))
  const visit = (node: TS.Node, inside: SourceFunction | undefined): void => {
    for (const look of looks) look(node, inside)
    const owner = index.functions.get(node) ?? inside
    project.ts.forEachChild(node, (child) => visit(child, owner))
  }
  for (const file of project.files) if (project.isTarget(file)) visit(file, undefined)
  return spots
}
