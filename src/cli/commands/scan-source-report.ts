import type { ScanReport, SourceFinding } from '../../doctor/index.js'
import { showText, wrapText, type Terminal } from '../terminal.js'

const styles = { info: 'dim', watch: 'yellow', act: 'red' } as const
const words = { info: 'hint', watch: 'watch', act: 'act' } as const
const INDENT = '       '
const mostRoutes = 3

interface Shown {
  inBaseline: number
  /** Hints are listed, not only counted. */
  isAll: boolean
}

/** What weighs most stands first; hints are counted, and listed with `--all`. */
export function printSourceReport(report: ScanReport, { inBaseline, isAll }: Shown, terminal: Terminal): void {
  const { findings, complaints } = report
  for (const finding of findings) if (isAll || finding.severity !== 'info') printSourceFinding(finding, terminal)
  for (const complaint of complaints) printWrapped(`comment: ${complaint}`, terminal, '')
  printSummary(report, terminal)
  const count = (severity: SourceFinding['severity']) => findings.filter((each) => each.severity === severity).length
  const hints = count('info')
  const listed = isAll || hints === 0 ? '' : ' (--all lists them)'
  terminal.print(
    `${count('act')} to act on, ${count('watch')} to watch, ${hints} ${hints === 1 ? 'hint' : 'hints'}${listed}`,
  )
  if (inBaseline > 0) terminal.print(`${inBaseline} more in the baseline`)
}

function printSourceFinding(finding: SourceFinding, terminal: Terminal): void {
  const { severity, rule, file, line, sentence, fix, routes, chain, evidence } = finding
  const mark = terminal.paint(styles[severity], words[severity].padEnd(5))
  terminal.print(`${mark}  ${terminal.paint('bold', rule)}`)
  // Unbroken: an editor opens it.
  terminal.print(`${INDENT}${showText(`${file}:${line}`)}`)
  printWrapped(sentence, terminal)
  for (const step of chain) printStep(step, terminal)
  const others = routes.slice(1, 1 + mostRoutes)
  const rest = routes.length - 1 - others.length
  if (others.length > 0) printWrapped(`also: ${others.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`, terminal)
  if (evidence !== undefined) printWrapped(`seen: ${evidence.sentence}`, terminal)
  printWrapped(`fix: ${fix}`, terminal)
}

function printStep({ label, file, line, isGuess }: SourceFinding['chain'][number], terminal: Terminal): void {
  const arrow = terminal.isUnicode ? '→' : '>'
  printWrapped(`${arrow} ${isGuess ? '(by name) ' : ''}${label} (${file}:${line})`, terminal, `${INDENT}  `)
}

function printSummary({ figures, target }: ScanReport, terminal: Terminal): void {
  const { files, seconds, routes, entries, reached, calls, resolvedCalls, suppressed } = figures
  const share = calls === 0 ? 100 : Math.round((resolvedCalls / calls) * 100)
  const silenced = suppressed === 0 ? '' : `; ${suppressed} silenced by comments`
  terminal.print('')
  const text = `${target}: ${tell(files, 'file')} in ${seconds} s; ${tell(routes, 'route')}, ${tell(entries, 'handler')} with middleware, ${tell(reached, 'function')} behind them, ${share} % of their calls known${silenced}`
  printWrapped(text, terminal, '')
  if (entries === 0)
    printWrapped(
      'No route was found: only rules that need none have looked. Routes of hono, fastify, express, koa, NestJS and node:http are known.',
      terminal,
      '',
    )
}

const tell = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function printWrapped(text: string, terminal: Terminal, indent = INDENT): void {
  for (const line of wrapText(showText(text), terminal.width, indent)) terminal.print(line)
}
