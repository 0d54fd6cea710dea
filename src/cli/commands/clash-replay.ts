import { writeFile } from 'node:fs/promises'
import {
  httpRequest,
  openAppLab,
  proposeFixes,
  proveFixes,
  writeClashTest,
  type FixProof,
  type ReplayReport,
} from '../../clash/index.js'
import { inspectWatch, loadIdentify, writeReplay, type FoundClash } from '../../watch/index.js'
import { readNumber, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { resolveUrl, withDatabase } from '../open-database.js'
import { showText } from '../terminal.js'
import type { ClashAction } from './clash-action.js'
import { printFixes, printReport } from './clash-report.js'

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
      const pair = wanted.id === undefined ? undefined : await findPair(server.url, wanted.id)
      const shown = await replay(server.url, wanted, pair, input)
      const { report, fixes } = shown
      if (pair) await keepReplay(server.url, pair.id, shown)
      if (options['json']) terminal.printJson({ ...report, fixes: fixes.map(toJson) })
      else {
        printReport(report, terminal)
        printFixes(fixes, terminal)
      }
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

interface Shown {
  report: ReplayReport
  /** Empty where nobody knows what the two requests read and write. */
  fixes: readonly FixProof[]
}

const toJson = ({ fix: { name, title, sql }, held, why, cost }: FixProof) => ({ name, title, sql, held, why, cost })

async function replay(
  url: string,
  wanted: Wanted,
  pair: FoundClash | undefined,
  { options, terminal }: CommandInput,
): Promise<Shown> {
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
      const report = await lab.replay(first, second, { exhaustive, signal: stop.signal })
      if (report.verdict !== 'clash' || pair === undefined) return { report, fixes: [] }
      terminal.progress('it is replayed again with what would help')
      const proposed = proposeFixes(pair, await loadIdentify())
      return { report, fixes: await proveFixes(lab, first, second, report, proposed, { signal: stop.signal }) }
    } finally {
      await lab.close()
    }
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** The page Clash shows what it has shown. */
async function keepReplay(url: string, id: string, { report, fixes }: Shown): Promise<void> {
  const { verdict, reason, diagram, schedules, ms } = report
  if (verdict === 'not deterministic') return
  const best = fixes.find(({ held }) => held) ?? fixes[0]
  const fix = best === undefined ? null : { title: best.fix.title, held: best.held, sql: best.fix.sql }
  await withDatabase(url, async (db) => await writeReplay(db, id, { verdict, reason, diagram, schedules, ms, fix }))
}

async function writeTest({ command, requests, headers }: Wanted, { options, terminal }: CommandInput): Promise<void> {
  const file = options['test']
  if (typeof file !== 'string') return
  await writeFile(file, writeClashTest({ command, requests, headers: Object.keys(headers) }))
  terminal.progress(`${file} is written: DATABASE_URL=… npx vitest run ${file}`)
}
