import { createHash } from 'node:crypto'
import type TS from 'typescript-5'
import type { Project } from './project.js'
import { findOuter, type SourceIndex } from './source-index.js'
import type { RuleId, SourceFinding } from './types.js'

/** What makes a finding the same one in the next run: not its line, which moves with every edit above it. */
export function identify(project: Project, index: SourceIndex, rule: RuleId, node: TS.Node): string {
  const file = project.keyPath(node.getSourceFile().fileName)
  const snippet = node.getText().replaceAll(/\s+/g, ' ').slice(0, 200)
  return hash([rule, file, nameOuter(project, index, node), snippet].join('\0'))
}

/** The names of the functions around it; those without one are passed over. */
function nameOuter({ ts }: Project, index: SourceIndex, node: TS.Node): string {
  const names: string[] = []
  for (let at = findOuter(ts, node); at !== undefined; at = findOuter(ts, at)) {
    const name = index.functions.get(at)?.name ?? ''
    if (name !== '') names.unshift(name)
  }
  return names.join('>')
}

/** The same code twice in a function is told apart by its order. */
export function tellTwinsApart(findings: readonly SourceFinding[]): SourceFinding[] {
  const seen = new Map<string, number>()
  return findings.map((finding) => {
    const count = seen.get(finding.id) ?? 0
    seen.set(finding.id, count + 1)
    return count === 0 ? finding : { ...finding, id: hash(`${finding.id}\0${count}`) }
  })
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)
