import {
  inspectWatch,
  type RouteLatency,
  type ServiceLatency,
  type StatementLatency,
  type WatchFilter,
  type WatchInspector,
  type WatchOverview,
} from '../../watch/index.js'
import { readNumber, urlOption, type Command, type CommandInput } from '../command.js'
import { formatAmount, formatMs, formatPercent, formatTime, formatTimes, formatTitles } from '../latency-text.js'
import { withDatabase } from '../open-database.js'
import { readSince } from '../since.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { printVerdict } from '../verdict.js'

export const watchCommand: Command = {
  name: 'watch',
  summary: 'Shows which routes take the time, in which statements and services, and how that was a day ago.',
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
      return await showRoute(inspect, { ...filter, route }, input)
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

const parts = ['pool', 'sql', 'outbound', 'loop', 'rest'] as const
/** Below this a percentile is one request's. */
const FEW = 20

function printRoutes(routes: readonly RouteLatency[], terminal: Terminal, isOne = false): void {
  terminal.print(`${formatTitles(['p50', 'p95', 'p99'])}  ${'then'.padStart(8)}  ${'calls'.padStart(7)}  route`)
  for (const row of routes) {
    const { route, segment, latency, before, requests, errors, shares, cold } = row
    const where = parts.map((part) => `${part} ${formatPercent(shares[part])}`)
    terminal.print(
      `${formatTimes(latency)}  ${formatTime(before?.p95)}  ${String(requests).padStart(7)}  ${showText(name(route, segment))}`,
    )
    const failed = errors > 0 ? `, ${errors} failed` : ''
    terminal.print(`    ${where.join('  ')}${failed}`)
    const isTold = isOne ? cold.slow > 0 : requests >= FEW && cold.slowCold > 0
    if (isTold) for (const line of wrapText(describeCold(row), terminal.width, '    ')) terminal.print(line)
  }
}

function describeCold({ latency, before, cold }: RouteLatency): string {
  const than = `${cold.slow} slower than ${formatMs((before ?? latency).p95)}`
  if (cold.slowCold === 0) return `of ${than} none was a first request of a process`
  const others = cold.p95Without === 0 ? '' : `; p95 of all others ${formatMs(cold.p95Without)} or more`
  return `of ${than} at most ${cold.slowCold} were first requests of a process (${cold.requests}, ${formatMs(cold.meanMs)} on average)${others}`
}

async function showRoute(
  inspect: WatchInspector,
  filter: WatchFilter & { route: string },
  { options, terminal }: CommandInput,
): Promise<number> {
  const [routes, statements, services] = await Promise.all([
    inspect.routes(filter),
    inspect.statements(filter),
    inspect.services(filter),
  ])
  if (options['json']) terminal.printJson({ route: filter.route, routes, statements, services })
  else if (routes.length + statements.length === 0) printNothing(terminal)
  else {
    if (routes.length > 0) printRoutes(routes, terminal, true)
    if (statements.length > 0) printStatements(statements, terminal)
    if (services.length > 0) printServices(services, routes, terminal)
  }
  return 0
}

function printServices(services: readonly ServiceLatency[], routes: readonly RouteLatency[], terminal: Terminal): void {
  terminal.print('')
  terminal.print(terminal.paint('bold', 'other services, by what a request waited for each'))
  terminal.print(`${formatTitles(['p50', 'p95', 'p99'])}  ${'then'.padStart(8)}  requests  share`)
  for (const { host, segment, latency, before, requests, share } of services) {
    terminal.print(
      `${formatTimes(latency)}  ${formatTime(before?.p95)}  ${String(requests).padStart(8)}  ${formatPercent(share).padStart(5)}`,
    )
    const all = routes.find((row) => row.segment === segment)?.requests
    const part = all === undefined ? '' : `, in ${formatPercent(requests / all)} of its requests`
    for (const line of wrapText(`${showText(name(host, segment))}${part}`, terminal.width, '    ')) terminal.print(line)
  }
}

function printStatements(statements: readonly StatementLatency[], terminal: Terminal): void {
  terminal.print('')
  terminal.print(terminal.paint('bold', 'statements'))
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
