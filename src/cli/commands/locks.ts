import { inspectLocks, type LocksOverview } from '../../locks/index.js'
import { urlOption, type Command, type CommandInput } from '../command.js'
import { withDatabase } from '../open-database.js'
import { showText, type Terminal } from '../terminal.js'
import { printVerdict } from '../verdict.js'
import { printKeys, printOpened } from './locks-keys.js'
import { printSessions } from './locks-sessions.js'

export const locksCommand: Command = {
  name: 'locks',
  summary: 'Tells what is wrong with locks and why: who holds, who waits, circles, and sessions that block others.',
  examples: ['holdfast locks', 'holdfast locks report:42', 'holdfast locks --json'],
  words: ['key'],
  options: { url: urlOption },
  run: async (input) =>
    await withDatabase(input.options['url'] as string | undefined, async (db) => {
      const [key] = input.words
      return showLocks(await inspectLocks(db, key === undefined ? {} : { key }), input)
    }),
}

/** Exit code 1 when nobody holds or waits for the key that was asked for. */
function showLocks(overview: LocksOverview, { words, options, terminal }: CommandInput): number {
  const [key] = words
  const isUnknown = key !== undefined && overview.opened === null
  if (options['json']) terminal.printJson(overview)
  else if (key === undefined) printOverview(overview, terminal)
  else printKey(overview, key, terminal)
  return isUnknown ? 1 : 0
}

function printOverview(overview: LocksOverview, terminal: Terminal): void {
  printVerdict(overview.verdict, terminal)
  if (overview.isInstalled) printKeys(overview, terminal)
  printSessions(overview, terminal)
}

function printKey({ keys, opened }: LocksOverview, key: string, terminal: Terminal): void {
  const row = keys.find((each) => each.key === key)
  if (opened === null || row === undefined) terminal.print(`free  ${showText(key)}`)
  else printOpened(row, opened, terminal)
}
