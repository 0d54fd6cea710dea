import { inspectWatch, type ClashesOverview, type FoundClash } from '../../watch/index.js'
import { readNumber } from '../command.js'
import { formatMs } from '../latency-text.js'
import { withDatabase } from '../open-database.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { printVerdict } from '../verdict.js'
import type { ClashAction } from './clash-action.js'

const colours = { ok: 'green', watch: 'yellow', act: 'red' } as const
const indent = '       '

/** Exit code 1 while there is one that nothing prevents. */
export const listAction: ClashAction = {
  example: [],
  options: {
    protected: { type: 'boolean', doc: 'list: pairs that something keeps apart, too.' },
    limit: { type: 'string', value: 'n', doc: 'list: at most so many. Default: 50.' },
  },
  takesId: false,
  run: async (input) => {
    const { options, terminal } = input
    const filter = { protectedToo: options['protected'] === true, limit: Math.max(1, readNumber(input, 'limit', 50)) }
    const found = await withDatabase(options['url'] as string | undefined, async (db) =>
      inspectWatch(db).clashes(filter),
    )
    if (options['json']) terminal.printJson(found)
    else printList(found, filter.protectedToo, terminal)
    return found.clashes.some(({ protectedBy }) => protectedBy === null) ? 1 : 0
  },
}

function printList({ verdict, clashes, isMore }: ClashesOverview, isAll: boolean, terminal: Terminal): void {
  // The others are in the list below it.
  printVerdict({ ...verdict, also: [] }, terminal)
  for (const clash of clashes) {
    terminal.print('')
    printClash(clash, terminal)
  }
  if (isMore) print('There are more: --limit', terminal)
  if (clashes.length > 0) return
  print('Processes that call `watch(db)` of holdfast/watch follow requests, half a second in ten.', terminal)
  print(
    isAll
      ? 'Send some traffic, or follow always: `watch(db, { clashEveryMs: 0 })`.'
      : 'Pairs that something keeps apart: holdfast clash --protected',
    terminal,
  )
}

/** What it is, whom it concerns and how often: of the list, and the head of one. */
export function printClash(clash: FoundClash, terminal: Terminal): void {
  const { severity, id, kind, table, columns, read, write, other, protectedBy, replay } = clash
  const mark = terminal.paint(colours[severity], severity.padEnd(5))
  terminal.print(`${mark}  ${terminal.paint('bold', showText(id))}  ${kind}`)
  print(columns.length === 0 ? table : `${table} (${columns.join(', ')})`, terminal)
  print(describeStep(read.route, write.site === '' ? read.site : write.site), terminal)
  print(`and ${other.route === read.route ? 'itself' : describeStep(other.route, other.site)}`, terminal)
  print(describeFigures(clash), terminal)
  if (protectedBy !== null) print(`kept apart by: ${protectedBy}`, terminal)
  if (replay !== null) print(`replayed: ${replay.verdict}`, terminal)
}

const describeStep = (route: string, site: string): string => (site === '' ? route : `${route}  ${site}`)

function describeFigures({ overlaps, windowMs, requests }: FoundClash): string {
  const met = overlaps === 0 ? 'not seen to meet' : `really met ${overlaps === 1 ? 'once' : `${overlaps} times`}`
  return `${met}; open for up to ${formatMs(windowMs)}; ${requests} requests followed`
}

function print(text: string, terminal: Terminal): void {
  for (const line of wrapText(showText(text), terminal.width, indent)) terminal.print(line)
}
