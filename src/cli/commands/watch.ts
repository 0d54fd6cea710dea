import { inspectWatch, type RouteLatency, type StatementLatency, type WatchOverview } from '../../watch/index.js'
import { readNumber, urlOption, type Command, type CommandInput } from '../command.js'
import { formatAmount, formatPercent, formatTime, formatTimes, formatTitles } from '../latency-text.js'
import { withDatabase } from '../open-database.js'
import { readSince } from '../since.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { printVerdict } from '../verdict.js'

export const watchCommand: Command = {
  name: 'watch',
  summary: 'Shows which routes take the time, in which statements, and how that was a day ago.',
  examples: ['holdfast watch', "holdfast watch 'GET /orders'", 'holdfast watch --since 24h --json'],
  words: ['route'],
  options: {
    url: urlOption,
    since: { type: 'string', value: 'time', doc: 'A window that ends now, such as 30m, 24h or 7d. Default: 1h.' },
    limit: { type: 'string', value: 'n', doc: 'At most so many rows. Default: 20.' },
  },
  run: async (input) =>
    await withDatabase(input.options['url'] as string | undefined, async (db) => {
      const inspect = inspectWatch(db)
      const [route] = input.words
      const windowMs = readSince(input.options['since'], '1h')
      const filter = { windowMs, limit: readNumber(input, 'limit', 20) }
      if (route === undefined) return showOverview(await inspect.overview(filter), input)
      return showStatements(await inspect.statements({ ...filter, route }), input, route)
    }),
}

/** Exit code 1 when somebody should act. */
function showOverview(overview: WatchOverview, { options, terminal }: CommandInput): number {
  const { verdict, routes } = overview
  if (options['json']) terminal.printJson(overview)
  else {
    printVerdict(verdict, terminal)
    if (routes.length > 0) printRoutes(routes, terminal)
  }
  return verdict.severity === 'act' ? 1 : 0
}

function printRoutes(routes: readonly RouteLatency[], terminal: Terminal): void {
  terminal.print(`${formatTitles(['p50', 'p95', 'p99'])}  ${'then'.padStart(8)}  ${'calls'.padStart(7)}  route`)
  for (const { route, segment, latency, before, requests, errors, shares } of routes) {
    const where = [...(['pool', 'sql', 'outbound', 'rest'] as const)].map(
      (part) => `${part} ${formatPercent(shares[part])}`,
    )
    terminal.print(
      `${formatTimes(latency)}  ${formatTime(before?.p95)}  ${String(requests).padStart(7)}  ${showText(name(route, segment))}`,
    )
    const failed = errors > 0 ? `, ${errors} failed` : ''
    terminal.print(`    ${where.join('  ')}${failed}`)
  }
}

function showStatements(
  statements: readonly StatementLatency[],
  { options, terminal }: CommandInput,
  route: string,
): number {
  if (options['json']) terminal.printJson({ route, statements })
  else if (statements.length === 0) printNothing(terminal)
  else printStatements(statements, terminal)
  return 0
}

function printStatements(statements: readonly StatementLatency[], terminal: Terminal): void {
  terminal.print(`${formatTitles(['p50', 'p95', 'p99'])}  ${'then'.padStart(8)}  ${'calls'.padStart(7)}  share`)
  for (const row of statements) {
    const { latency, before, calls, share, text } = row
    terminal.print(
      `${formatTimes(latency)}  ${formatTime(before?.p95)}  ${String(calls).padStart(7)}  ${formatPercent(share).padStart(5)}`,
    )
    for (const line of wrapText(showText(text), terminal.width, '    ').slice(0, 3)) terminal.print(line)
    terminal.print(`    ${describeCalls(row)}`)
  }
}

function describeCalls({ callsPerRequest, mostCalls, rowsPerCall, bytesPerCall, errors }: StatementLatency): string {
  const parts = [
    `${formatAmount(rowsPerCall)} ${formatAmount(rowsPerCall) === '1' ? 'row' : 'rows'}`,
    `${formatAmount(bytesPerCall)} bytes a call`,
  ]
  if (callsPerRequest >= 1.05) parts.push(`${formatAmount(callsPerRequest)} calls a request, ${mostCalls} at most`)
  if (errors > 0) parts.push(`${errors} failed`)
  return parts.join(', ')
}

function printNothing(terminal: Terminal): void {
  terminal.print('Nothing was seen in this time.')
  terminal.print(
    'fix: call `watch(db)` of holdfast/watch where your application starts, or ask for longer: --since 24h',
  )
}

const name = (route: string, segment: string): string => (segment === '' ? route : `${route} [${segment}]`)
