import { isHoldfastError, type Db } from '../../core/index.js'
import {
  adviseText,
  findIndexFaults,
  inspectWatch,
  scanLive,
  type Autopsy,
  type LiveFinding,
  type LiveScan,
} from '../../watch/index.js'
import { urlOption, type Command, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { withDatabase } from '../open-database.js'
import { readSince } from '../since.js'
import { wrapText, type Terminal } from '../terminal.js'
import { printAutopsy, printLive } from './scan-report.js'
import { isSourcePath, runSourceScan, sourceOptions } from './scan-source.js'

export const scanCommand: Command = {
  name: 'scan',
  summary:
    'Finds out why a route has become slower, and what is wrong with the database now. Of a path, such as src/, it reads the source: what blocks a request, and how a request comes there. A route has a space in it, a path has none.',
  examples: [
    'holdfast scan',
    "holdfast scan 'GET /orders' --since 24h",
    'holdfast scan src/',
    'holdfast scan src/ --baseline .holdfast-baseline.json --sarif',
  ],
  words: ['route or path'],
  options: {
    url: urlOption,
    since: { type: 'string', value: 'time', doc: 'How far it looks back, such as 30m, 24h or 7d. Default: 24h.' },
    ...sourceOptions,
  },
  run: async (input) => {
    const [word] = input.words
    if (word !== undefined && (await isSourcePath(word))) return await runSourceScan(word, input)
    refuseSourceOptions(input)
    return await scanDatabase(input)
  },
}

/** Without a path they would be passed over, and a pipeline would take that for success. @throws HF_CLI_USAGE */
function refuseSourceOptions({ options, words }: CommandInput): void {
  const given = Object.keys(sourceOptions).find((name) => options[name] !== undefined)
  if (given === undefined) return
  const [word] = words
  const what = word === undefined ? 'no path is given' : `"${word}" is no path`
  throw cliError('HF_CLI_USAGE', `holdfast scan: --${given} is about source, and ${what}.`)
}

async function scanDatabase(input: CommandInput): Promise<number> {
  return await withDatabase(input.options['url'] as string | undefined, async (db) => {
    const sinceMs = readSince(input.options['since'], '24h')
    const [route] = input.words
    const [autopsy, live] = await Promise.all([
      readAutopsy(db, { sinceMs, ...(route !== undefined && { route }) }),
      route === undefined ? scanLive(db, { listIndexFaults: async () => await listFaults(db) }) : null,
    ])
    return show({ autopsy, live }, input)
  })
}

/** Null: nobody watches here. */
async function readAutopsy(db: Db, options: { sinceMs: number; route?: string }): Promise<Autopsy | null> {
  try {
    return await inspectWatch(db).autopsy({ ...options, advise: async (text) => await adviseText(db, text) })
  } catch (error) {
    if (isHoldfastError(error, 'HF_WATCH_NOT_INSTALLED') && options.route === undefined) return null
    throw error
  }
}

/** Of indexes: an invalid one is of no use to anybody, and its writes are paid for. */
async function listFaults(db: Db): Promise<LiveFinding[]> {
  const { faults } = await findIndexFaults(db)
  return faults.map(({ kind, index, sentence, fix }) => ({
    kind: 'index',
    severity: kind === 'invalid-index' ? 'watch' : 'info',
    subject: index,
    sentence,
    fix,
    ddl: null,
    prove: 'holdfast scan',
  }))
}

interface Report {
  autopsy: Autopsy | null
  live: LiveScan | null
}

/** Exit code 1 when something should be done. */
function show({ autopsy, live }: Report, { options, terminal }: CommandInput): number {
  if (options['json']) terminal.printJson({ autopsy, live })
  else {
    if (autopsy) printAutopsy(autopsy, terminal)
    else printUnwatched(terminal)
    if (live) printLive(live, terminal)
  }
  return autopsy?.verdict.severity === 'act' || live?.verdict.severity === 'act' ? 1 : 0
}

function printUnwatched(terminal: Terminal): void {
  const lines = [
    'Nobody has watched this database: what follows is what it tells by itself.',
    'fix: `holdfast migrate`, then `watch(db)` of holdfast/watch where your application starts: the next scan says since when, which route and which statement.',
  ]
  for (const line of lines) for (const part of wrapText(line, terminal.width)) terminal.print(part)
}
