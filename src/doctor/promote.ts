import type { RunTimeEvidence, SourceFinding } from './types.js'

/** Kinds of `holdfast/watch` whose subject is the place that held the loop. */
const kinds = new Set(['blocked-loop', 'sync-call'])

/** A place that was seen to block while the application ran is no longer a possibility: its findings become `act`. */
export function promoteFindings(
  findings: readonly SourceFinding[],
  evidence: readonly RunTimeEvidence[],
): SourceFinding[] {
  const seen = evidence.filter(({ kind, subject }) => kinds.has(kind) && subject !== '')
  return findings.map((finding) => {
    const found = seen.find(({ subject }) => isSamePlace(subject, finding))
    if (found === undefined) return finding
    const { kind, subject, sentence, route } = found
    return { ...finding, severity: 'act', evidence: { kind, subject, sentence, route } }
  })
}

/** A process may have been started in another folder than the scan: the shorter path decides. The line has to be the same. */
function isSamePlace(subject: string, { file, line }: SourceFinding): boolean {
  const [, path = '', at = ''] = /^(.*):(\d+)$/.exec(subject.replaceAll('\\', '/')) ?? []
  if (Number(at) !== line || path === '') return false
  const [a, b] = [path, file].map((each) => each.replace(/^(\.\/|\/)/, '')) as [string, string]
  return a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`)
}
