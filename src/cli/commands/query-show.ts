import type { PlanNode, QueryDetails, QueryPlan } from '../../watch/index.js'
import { printFinding } from '../finding-text.js'
import { formatMs } from '../latency-text.js'
import { showText, wrapText, type Terminal } from '../terminal.js'

interface Span {
  from: number
  until: number
}

const MOST_LINES = 12
const MOST_ROUTES = 6
const MOST_PLANS = 6
const columns = 58

export function printQuery(query: QueryDetails, span: Span, terminal: Terminal): void {
  terminal.print(terminal.paint('bold', query.id))
  const lines = wrapText(showText(query.text), terminal.width, '  ')
  for (const line of lines.slice(0, MOST_LINES)) terminal.print(line)
  if (lines.length > MOST_LINES) terminal.print('  …')
  for (const { route, calls, latency } of query.routes.slice(0, MOST_ROUTES))
    print(`${route}: ${calls} calls, P95 ${formatMs(latency.p95)}`, terminal, '  ')
  terminal.print('')
  printCourse(query, span, terminal)
  const letters = nameLetters(query.plans)
  for (const plan of query.plans.slice(0, MOST_PLANS)) printPlan(plan, letters.get(plan.shape) ?? '?', terminal)
  if (query.plans.length > MOST_PLANS) terminal.print(`And ${query.plans.length - MOST_PLANS} older plans: --json`)
  for (const finding of query.findings) printFinding(finding, terminal)
}

/** P95 as a line of blocks, below it a line for each plan; all of them on one scale of time. */
function printCourse({ history, lanes, plans, deploys }: QueryDetails, span: Span, terminal: Terminal): void {
  if (history.length === 0) {
    terminal.print('It did not run in this time: --since 24h looks back further.')
    return
  }
  const place = ({ at }: { at: Date }): number => {
    const share = (at.getTime() - span.from) / (span.until - span.from)
    return Math.min(columns - 1, Math.max(0, Math.floor(share * columns)))
  }
  const heights = sumColumns(history, place, ({ p95 }) => p95)
  const top = Math.max(...heights)
  const levels = terminal.isUnicode ? '▁▂▃▄▅▆▇█' : '.:-=+*#@'
  const shown = heights.map((height) => (height === 0 ? ' ' : (levels[Math.ceil((height / top) * 8) - 1] ?? ' ')))
  terminal.print(`P95  ${shown.join('')}  ${formatMs(top)} at most`)
  const letters = nameLetters(plans)
  for (const plan of plans.filter(({ shape }) => lanes.some((lane) => lane.shape === shape)).toReversed()) {
    const own = lanes.filter(({ shape }) => shape === plan.shape)
    const cells = sumColumns(own, place, ({ seen }) => seen).map((seen) => (seen > 0 ? '#' : '.'))
    terminal.print(`${(letters.get(plan.shape) ?? '?').padEnd(3)}  ${cells.join('')}`)
  }
  terminal.print(`     ${formatClock(span.from).padEnd(columns - 5)}${formatClock(span.until)}`)
  for (const { label, at } of deploys) print(`${formatClock(at.getTime())}  version ${label} came`, terminal, '     ')
}

/** The most in each column. */
function sumColumns<Entry>(
  entries: readonly Entry[],
  place: (entry: Entry) => number,
  of: (entry: Entry) => number,
): number[] {
  const sums = Array.from({ length: columns }, () => 0)
  for (const entry of entries) sums[place(entry)] = Math.max(sums[place(entry)] ?? 0, of(entry))
  return sums
}

function printPlan(plan: QueryPlan, letter: string, terminal: Terminal): void {
  const { tree, isInferred, seen, typicalMs, slowMs, cost, firstSeenAt, lastSeenAt } = plan
  const inferred = isInferred ? ' (generic, inferred)' : ''
  terminal.print('')
  terminal.print(
    `${terminal.paint('bold', `plan ${letter}`)}${inferred}  ${formatClock(firstSeenAt.getTime())} to ${formatClock(lastSeenAt.getTime())}`,
  )
  const times = `typically ${formatMs(typicalMs)}, ${formatMs(slowMs)} at most`
  print(`explained ${seen} times: ${times}; cost ${Math.round(cost)}`, terminal, '  ')
  printNode(tree, '  ', terminal)
}

function printNode(node: PlanNode, indent: string, terminal: Terminal): void {
  print(nameNode(node), terminal, indent)
  if (node.cond !== undefined) print(node.cond, terminal, `${indent}    `)
  if (node.filter !== undefined) print(`filter ${node.filter}`, terminal, `${indent}    `)
  for (const child of node.children ?? []) printNode(child, `${indent}  `, terminal)
}

function nameNode({ op, relation, access, indexes = [] }: PlanNode): string {
  if (relation === undefined) return op
  if (access === 'index') return `${relation} by ${indexes.join(', ')}`
  if (access === 'walk') return `${relation} along the whole of ${indexes.join(', ')}`
  return access === 'seq' ? `all of ${relation}` : `${op} of ${relation}`
}

/** In the order in which they appeared, as on the page. */
function nameLetters(plans: readonly QueryPlan[]): ReadonlyMap<string, string> {
  const inOrder = plans.toSorted((a, b) => a.firstSeenAt.getTime() - b.firstSeenAt.getTime())
  return new Map(inOrder.map(({ shape }, n) => [shape, n < 26 ? String.fromCharCode(65 + n) : `#${n + 1}`]))
}

function print(text: string, terminal: Terminal, indent: string): void {
  for (const line of wrapText(showText(text), terminal.width, indent)) terminal.print(line)
}

/** The day too where it is not today's. */
function formatClock(at: number): string {
  const date = new Date(at)
  const [month, day, hours, minutes] = [date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes()].map(
    (part) => String(part).padStart(2, '0'),
  ) as [string, string, string, string]
  const time = `${hours}:${minutes}`
  return date.toDateString() === new Date().toDateString() ? time : `${month}-${day} ${time}`
}
