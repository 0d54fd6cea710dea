import type { FoundFinding } from '../watch/index.js'
import { formatAge, showText, wrapText, type Terminal } from './terminal.js'

const styles = { info: 'dim', watch: 'yellow', act: 'red' } as const
const words = { info: 'hint', watch: 'watch', act: 'act' } as const

export function printFinding(finding: FoundFinding, terminal: Terminal): void {
  const { kind, severity, subject, sentence, evidence, fix, prove, statement } = finding
  const mark = terminal.paint(styles[severity], words[severity].padEnd(5))
  terminal.print(`${mark}  ${terminal.paint('bold', showText(kind))}  ${describeSeen(finding)}`)
  print(sentence, terminal)
  if (/^\S.*:\d+$/.test(subject)) print(`place: ${subject}`, terminal)
  const routes = listRoutes(evidence['routes'])
  if (routes.length > 1) print(`routes: ${routes.join(', ')}`, terminal)
  else if (finding.route !== '') print(`route: ${finding.route}`, terminal)
  const stack = evidence['stack']
  if (Array.isArray(stack)) for (const line of stack) print(`at ${String(line)}`, terminal)
  if (fix !== '') print(`fix: ${fix}`, terminal)
  // Unbroken: it is what one copies.
  if (prove !== '') terminal.print(`       prove: ${showText(prove)}`)
  if (statement !== '0') terminal.print(`       query: holdfast query ${statement}`)
}

/** Of a pool each has figures, too; its culprit's are in the sentence. */
function listRoutes(routes: unknown): string[] {
  return Array.isArray(routes) ? routes.filter((each): each is string => typeof each === 'string') : []
}

function print(text: string, terminal: Terminal): void {
  for (const line of wrapText(showText(text), terminal.width, '       ')) terminal.print(line)
}

function describeSeen({ seen, firstSeenAt, lastSeenAt }: FoundFinding): string {
  const [since, last] = [firstSeenAt, lastSeenAt].map((at) => formatAge(Date.now() - at.getTime()))
  return seen === 1 ? `seen once, ${since ?? ''} ago` : `for ${since ?? ''}, ${seen} times, last ${last ?? ''} ago`
}
