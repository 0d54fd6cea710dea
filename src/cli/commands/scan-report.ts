import type { Autopsy, LiveScan, Onset, Suspect } from '../../watch/index.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { printVerdict } from '../verdict.js'

/** Words as well as signs: neither a colour nor a glyph alone says it. */
const words = {
  guilty: ['✗', 'x', 'guilty', 'red'],
  eliminated: ['✓', '-', 'not it', 'green'],
  unknown: ['?', '?', 'unknown', 'yellow'],
} as const

const LABEL = 18
/** Sign, word, suspect. */
const INDENT = ' '.repeat(2 + 9 + LABEL)

export function printAutopsy(autopsy: Autopsy, terminal: Terminal): void {
  printVerdict(autopsy.verdict, terminal)
  if (autopsy.onset) printCase(autopsy, autopsy.onset, terminal)
  for (const { route, at, before, after } of autopsy.alsoSlower.slice(0, 5))
    printWrapped(`also slower: ${route}, P95 ${ms(before)} to ${ms(after)} since ${time(at)}`, terminal, '  ')
  if (autopsy.missing.length > 0) printWrapped(`could not be read: ${autopsy.missing.join(', ')}`, terminal, '')
}

function printCase({ suspects, changes, fixes, refused }: Autopsy, onset: Onset, terminal: Terminal): void {
  const { before, after, at, endedAt, minutes } = onset
  title('Onset', terminal)
  const until = endedAt ? ` to ${time(endedAt)}` : ''
  terminal.print(`  ${time(at)}${until}, known to the ${minutes === 1 ? 'minute' : 'hour'}`)
  terminal.print(
    `  P50 ${ms(before.p50)} to ${ms(after.p50)}, P95 ${ms(before.p95)} to ${ms(after.p95)}, P99 ${ms(before.p99)} to ${ms(after.p99)}`,
  )
  terminal.print(`  of ${before.requests} requests before and ${after.requests} after`)
  title('Suspects', terminal)
  for (const suspect of suspects) printSuspect(suspect, terminal)
  if (changes.length > 0) title('What changed', terminal)
  for (const { at: when, sentence } of changes)
    printWrapped(`${when ? `${time(when)}: ` : ''}${sentence}`, terminal, '  ')
  if (fixes.length > 0 || refused.length > 0) title('Fix', terminal)
  for (const { sentence, ddl, prove } of fixes) printFix({ fix: sentence, ddl, prove }, terminal)
  for (const why of refused) printWrapped(`no index is advised: ${why}`, terminal, '  ')
}

function printSuspect({ suspect, verdict, sentence, share }: Suspect, terminal: Terminal): void {
  const [sign, plain, word, colour] = words[verdict]
  const part = verdict === 'guilty' && share !== null ? ` (${Math.round(share * 100)} % of the rise)` : ''
  const told = part !== '' && sentence.includes('% of the rise') ? '' : part
  const [first = '', ...more] = wrapText(showText(`${sentence}${told}`), terminal.width - INDENT.length)
  const head = `${terminal.isUnicode ? sign : plain} ${terminal.paint(colour, word.padEnd(9))}${suspect.replaceAll('-', ' ').padEnd(LABEL)}`
  terminal.print(`${head}${first}`)
  for (const line of more) terminal.print(`${INDENT}${line}`)
}

export function printLive({ verdict, findings, missing, countedSince }: LiveScan, terminal: Terminal): void {
  title('The database now', terminal)
  // Each of them is below.
  printVerdict({ ...verdict, fix: undefined, also: [] }, terminal)
  for (const { severity, sentence, fix, ddl, prove } of findings) {
    printWrapped(`${severity}: ${sentence}`, terminal, '  ')
    printFix({ fix, ddl, prove }, terminal, '    ')
  }
  if (countedSince) terminal.print(`  (the server counts since ${time(countedSince)})`)
  if (missing.length > 0) printWrapped(`could not be read: ${missing.join(', ')}`, terminal, '  ')
}

function printFix(
  { fix, ddl, prove }: { fix: string; ddl: string | null; prove: string },
  terminal: Terminal,
  indent = '  ',
): void {
  printWrapped(`fix: ${fix}`, terminal, indent)
  // To be copied: it is not broken.
  if (ddl !== null) terminal.print(`${indent}     ${showText(ddl)}`)
  printWrapped(`prove: ${prove}`, terminal, indent)
}

function title(text: string, terminal: Terminal): void {
  terminal.print('')
  terminal.print(terminal.paint('bold', text))
}

function printWrapped(text: string, terminal: Terminal, indent: string): void {
  for (const line of wrapText(showText(text), terminal.width, indent)) terminal.print(line)
}

const ms = (value: number): string =>
  value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${Math.round(value / 1_000)} s`
const time = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
