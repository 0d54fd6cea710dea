import { inspectWatch, type ClashReplay, type FoundClash, type RealOverlap } from '../../watch/index.js'
import { cliError } from '../errors.js'
import { formatMs } from '../latency-text.js'
import { withDatabase } from '../open-database.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import type { ClashAction } from './clash-action.js'
import { printClash } from './clash-list.js'

const COLUMNS = 50
const indent = '       '

/** Exit code 1 when nothing keeps the two apart. */
export const showAction: ClashAction = {
  example: ['holdfast clash show 3f9a1c07'],
  options: {},
  takesId: true,
  run: async ({ words, options, terminal }) => {
    const id = words[1] as string
    if (!/^[0-9a-f]{8}$/.test(id))
      throw cliError('HF_CLI_USAGE', `"${showText(id)}" is no id of a pair; \`holdfast clash\` lists them.`)
    const found = await withDatabase(options['url'] as string | undefined, async (db) => inspectWatch(db).clash(id))
    if (found === undefined) throw cliError('HF_CLI_CLASH_UNKNOWN', `Nobody has seen a pair ${id}.`)
    if (options['json']) terminal.printJson(found)
    else printOne(found, terminal)
    return found.protectedBy === null ? 1 : 0
  },
}

function printOne(clash: FoundClash, terminal: Terminal): void {
  const { meaning, read, write, other, inVain, realOverlap, replay, fix, protectedBy, id } = clash
  printClash(clash, terminal)
  print(`${protectedBy === null ? '' : 'without that: '}${read.route} ${meaning}.`, terminal)
  const isOne = read.statement === write.statement && read.site === write.site
  printStep(isOne ? 'reads and writes' : 'reads', read, terminal)
  if (!isOne) printStep('writes', write, terminal)
  printStep('in between', other, terminal)
  if (inVain.length > 0) terminal.print('')
  for (const each of inVain) print(`is there, and does not help: ${each}`, terminal)
  if (realOverlap !== null) printOverlap(realOverlap, terminal)
  if (replay !== null) printReplay(replay, terminal)
  terminal.print('')
  if (protectedBy === null) print(`fix: ${fix}`, terminal)
  // Unbroken: it is what one copies.
  terminal.print(`${indent}replay: holdfast clash replay ${showText(id)} --app "<command>"`)
}

function printStep(what: string, { route, text, site }: FoundClash['read'], terminal: Terminal): void {
  terminal.print('')
  print(`${what}: ${route}${site === '' ? '' : `  ${site}`}`, terminal)
  for (const line of wrapText(showText(text), terminal.width, `${indent}  `)) terminal.print(line)
}

/** Two bars on one scale, from the read to the write. */
function printOverlap({ first, second }: RealOverlap, terminal: Terminal): void {
  const end = Math.max(first.wroteAt, second.wroteAt, 0.001)
  const place = (at: number): number => Math.min(COLUMNS - 1, Math.max(0, Math.floor((at / end) * COLUMNS)))
  const bar = terminal.isUnicode ? '█' : '#'
  terminal.print('')
  print('When two really met last, each from its read to its write:', terminal)
  for (const { route, readAt, wroteAt } of [first, second]) {
    const [from, until] = [place(readAt), place(wroteAt)]
    const line = `${' '.repeat(from)}${bar.repeat(until - from + 1)}`
    terminal.print(`${indent}${line.padEnd(COLUMNS)}  ${formatMs(readAt)}–${formatMs(wroteAt)}`)
    print(route, terminal)
  }
}

function printReplay(replay: ClashReplay, terminal: Terminal): void {
  const { verdict, reason, diagram, schedules, ms, fix } = replay
  terminal.print('')
  print(`replayed, ${schedules} orders in ${formatMs(ms)}: ${verdict}. ${reason}`, terminal)
  if (diagram !== '') {
    terminal.print('')
    for (const line of diagram.split('\n')) terminal.print(showText(line))
  }
  if (fix === null) return
  terminal.print('')
  print(`fix that was tried: ${fix.title}: ${fix.held ? 'it held' : 'it did not hold'}`, terminal)
  for (const line of fix.sql.split('\n')) terminal.print(`${indent}  ${showText(line)}`)
}

function print(text: string, terminal: Terminal): void {
  for (const line of wrapText(showText(text), terminal.width, indent)) terminal.print(line)
}
