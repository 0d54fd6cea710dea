import type { Db } from '../../core/index.js'
import { inspectWatch, type QueryLatency } from '../../watch/index.js'
import { readNumber, urlOption, type Command, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { formatAmount, formatPercent, formatTime, formatTimes, formatTitles } from '../latency-text.js'
import { withDatabase } from '../open-database.js'
import { readSince } from '../since.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { printQuery } from './query-show.js'

const HOUR_MS = 3_600_000

export const queryCommand: Command = {
  name: 'query',
  summary: 'Lists statements over all routes with how many plans they had; one of them with its course and plans.',
  examples: ['holdfast query', 'holdfast query --since 24h', 'holdfast query -7301444403721550001'],
  words: ['id'],
  options: {
    url: urlOption,
    since: { type: 'string', value: 'time', doc: 'A window that ends now, such as 30m, 24h or 7d. Default: 1h.' },
    limit: { type: 'string', value: 'n', doc: 'At most so many statements. Default: 20.' },
  },
  run: async (input) => {
    const windowMs = readSince(input.options['since'], '1h')
    const [id] = input.words
    if (id !== undefined) checkId(id)
    return await withDatabase(input.options['url'] as string | undefined, async (db) =>
      id === undefined ? await listQueries(db, windowMs, input) : await showQuery(db, id, windowMs, input),
    )
  },
}

/** A signed 64-bit number. @throws HF_CLI_USAGE */
function checkId(id: string): void {
  if (/^-?\d{1,19}$/.test(id) && BigInt.asIntN(64, BigInt(id)) === BigInt(id)) return
  throw cliError('HF_CLI_USAGE', `"${showText(id)}" is no id of a statement; \`holdfast query\` lists them.`)
}

async function listQueries(db: Db, windowMs: number, input: CommandInput): Promise<number> {
  const { options, terminal } = input
  const queries = await inspectWatch(db).queries({ windowMs, limit: readNumber(input, 'limit', 20) })
  if (options['json']) terminal.printJson({ queries })
  else if (queries.length > 0) printQueries(queries, terminal)
  else {
    terminal.print('No statement was seen in this time.')
    terminal.print('fix: call `watch(db)` of holdfast/watch where your application starts, or --since 24h')
  }
  return 0
}

function printQueries(queries: readonly QueryLatency[], terminal: Terminal): void {
  const allMs = queries.reduce((sum, { totalMs }) => sum + totalMs, 0)
  const titles = [formatTitles(['p50', 'p95', 'p99']), 'then'.padStart(8), 'calls'.padStart(7)]
  terminal.print([...titles, 'share', 'rows'.padStart(7), 'plans'].join('  '))
  for (const row of queries) {
    const { id, text, latency, before, calls, totalMs, rowsPerCall, plans, finding } = row
    const share = formatPercent(allMs === 0 ? 0 : totalMs / allMs).padStart(5)
    const figures = [formatTimes(latency), formatTime(before?.p95), String(calls).padStart(7), share]
    terminal.print([...figures, formatAmount(rowsPerCall).padStart(7), String(plans).padStart(5)].join('  '))
    for (const line of wrapText(showText(text), terminal.width, '    ').slice(0, 2)) terminal.print(line)
    const mark = finding === null ? '' : `  ${finding === 'info' ? 'hint' : finding}: holdfast findings`
    terminal.print(`    ${terminal.paint('bold', id)}${mark}`)
    for (const line of wrapText(showText(describeRoutes(row)), terminal.width, '    ')) terminal.print(line)
  }
}

function describeRoutes({ route, routes, errors }: QueryLatency): string {
  const others = routes < 2 ? '' : ` and ${routes - 1} more`
  return `${route === '(none)' ? 'outside of requests' : route}${others}${errors > 0 ? `, ${errors} failed` : ''}`
}

/** @throws HF_CLI_QUERY_UNKNOWN */
async function showQuery(db: Db, id: string, windowMs: number, { options, terminal }: CommandInput): Promise<number> {
  const until = new Date()
  // Of one statement an hour is shown by its minutes: two whole hours would be no course.
  const asked = windowMs === HOUR_MS ? HOUR_MS - 1 : windowMs
  const found = await inspectWatch(db).query(id, { until, windowMs: asked })
  if (found === undefined) throw cliError('HF_CLI_QUERY_UNKNOWN', `Nobody has seen a statement ${id}.`)
  if (options['json']) terminal.printJson(found)
  else printQuery(found, { from: until.getTime() - windowMs, until: until.getTime() }, terminal)
  return 0
}
