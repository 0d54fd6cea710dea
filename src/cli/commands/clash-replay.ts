import { writeFile } from 'node:fs/promises'
import { httpRequest, openAppLab, writeClashTest, type ReplayReport } from '../../clash/index.js'
import { inspectWatch, writeReplay, type FoundClash } from '../../watch/index.js'
import { readNumber, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { formatMs } from '../latency-text.js'
import { resolveUrl, withDatabase } from '../open-database.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import type { ClashAction } from './clash-action.js'

/** No body of a request and no header holds one. */
const BETWEEN = '\0'

interface Wanted {
  id: string | undefined
  command: string
  requests: readonly [string, string]
  headers: Record<string, string>
}

/** Exit code 1 when the two collide, or nothing can be said. */
export const replayAction: ClashAction = {
  example: [`holdfast clash replay --app "node server.js" --request 'POST /orders/7 {"n":1}'`],
  options: {
    app: {
      type: 'string',
      value: 'command',
      doc: 'replay: starts the application; it is given PORT and DATABASE_URL.',
    },
    request: {
      type: 'string',
      value: 'request',
      multiple: true,
      separator: BETWEEN,
      doc: `replay: such as 'POST /orders/7 {"n":1}'; given once, two of it are replayed.`,
    },
    header: {
      type: 'string',
      value: 'header',
      multiple: true,
      separator: BETWEEN,
      doc: `replay: of each request, such as 'authorization: Bearer …'.`,
    },
    port: { type: 'string', value: 'n', doc: 'replay: where the application listens. Default: it tells.' },
    test: { type: 'string', value: 'file', doc: 'replay: writes a test for vitest that fails until it is fixed.' },
    exhaustive: { type: 'boolean', doc: 'replay: every interleaving, up to 400; else those with two turns at most.' },
  },
  takesId: 'may',
  run: async (input) => {
    const wanted = readWanted(input)
    const { options, terminal } = input
    const server = await resolveUrl(options['url'] as string | undefined)
    try {
      if (wanted.id !== undefined) await findPair(server.url, wanted.id)
      const report = await replay(server.url, wanted, input)
      if (wanted.id !== undefined) await keepReplay(server.url, wanted.id, report)
      if (options['json']) terminal.printJson(report)
      else printReport(report, terminal)
      await writeTest(wanted, input)
      return report.verdict === 'none found' ? 0 : 1
    } finally {
      await server.stop()
    }
  },
}

/** Everything that can be refused before anything is started. @throws HF_CLI_USAGE, HF_CLASH_REQUEST */
function readWanted({ words, options }: CommandInput): Wanted {
  const command = options['app']
  if (typeof command !== 'string' || command.trim() === '')
    throw cliError('HF_CLI_USAGE', 'holdfast clash replay needs --app "<command>", which starts the application.')
  const requests = readMany(options['request'])
  const [first, second = first] = requests
  if (first === undefined || second === undefined || requests.length > 2)
    throw cliError('HF_CLI_USAGE', 'holdfast clash replay takes one --request, or two.')
  const headers = Object.fromEntries(readMany(options['header']).map(readHeader))
  for (const text of [first, second]) httpRequest(text)
  return { id: words[1], command, requests: [first, second], headers }
}

const readMany = (given: string | boolean | undefined): string[] =>
  typeof given === 'string' ? given.split(BETWEEN) : []

function readHeader(text: string): [string, string] {
  const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(text) ?? []
  if (name !== undefined && value !== undefined) return [name.toLowerCase(), value]
  throw cliError('HF_CLI_USAGE', `A --header is written 'name: value'.`)
}

async function findPair(url: string, id: string): Promise<FoundClash> {
  const found = await withDatabase(url, async (db) => await inspectWatch(db).clash(id))
  if (found === undefined) throw cliError('HF_CLI_CLASH_UNKNOWN', `Nobody has seen a pair ${showText(id)}.`)
  return found
}

async function replay(url: string, wanted: Wanted, { options, terminal }: CommandInput): Promise<ReplayReport> {
  const stop = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const onSignal = () => stop.abort(cliError('HF_CLI_STOPPED', 'Stopped; the clone is dropped.'))
  for (const signal of signals) process.on(signal, onSignal)
  try {
    const { command, requests, headers } = wanted
    const port = options['port'] === undefined ? {} : { port: readNumber({ options }, 'port', 0) }
    terminal.progress('the database is cloned, and the application started on the clone')
    const lab = await openAppLab({ url, command, ...port, signal: stop.signal })
    try {
      const [first, second] = requests.map((text) => httpRequest(text, { headers }))
      if (!first || !second) throw new Error('unreachable')
      const exhaustive = options['exhaustive'] === true
      return await lab.replay(first, second, { exhaustive, signal: stop.signal })
    } finally {
      await lab.close()
    }
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** The page Clash shows what it has shown. */
async function keepReplay(url: string, id: string, report: ReplayReport): Promise<void> {
  const { verdict, reason, diagram, schedules, ms } = report
  if (verdict === 'not deterministic') return
  await withDatabase(
    url,
    async (db) => await writeReplay(db, id, { verdict, reason, diagram, schedules, ms, fix: null }),
  )
}

function printReport(report: ReplayReport, terminal: Terminal): void {
  const { verdict, schedules, ms, firstFailureMs, masked, serial, retries, deadlocks, diagram, isComplete } = report
  for (const line of diagram.split('\n')) terminal.print(showText(line))
  terminal.print('')
  const colour = verdict === 'clash' ? 'red' : verdict === 'none found' ? 'green' : 'yellow'
  terminal.print(terminal.paint(colour, verdict))
  const orders = serial.map(
    ({ order, statuses }) => `${order === 'AB' ? 'A, then B' : 'B, then A'}: ${statuses.join(', ')}`,
  )
  print(`${schedules} schedules in ${formatMs(ms)}; one after the other answers ${orders.join('; ')}.`, terminal)
  if (firstFailureMs !== undefined) print(`The first that failed came after ${formatMs(firstFailureMs)}.`, terminal)
  if (!isComplete) print('There are more schedules than were tried.', terminal)
  if (retries + deadlocks > 0) print(`${retries} retries, ${deadlocks} deadlocks.`, terminal)
  if (masked.length > 0) print(`Not compared, because they differ by themselves: ${masked.join(', ')}.`, terminal)
}

async function writeTest({ command, requests, headers }: Wanted, { options, terminal }: CommandInput): Promise<void> {
  const file = options['test']
  if (typeof file !== 'string') return
  await writeFile(file, writeClashTest({ command, requests, headers: Object.keys(headers) }))
  terminal.progress(`${file} is written: DATABASE_URL=… npx vitest run ${file}`)
}

function print(text: string, terminal: Terminal): void {
  for (const line of wrapText(showText(text), terminal.width)) terminal.print(line)
}
