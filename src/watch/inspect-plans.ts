import { validateOptions, type Db } from '../core/index.js'
import type { FindingFilter, FindingsOverview, FoundFinding, QueryDetails, QueryLatency } from './inspect-plan-types.js'
import {
  listFindings,
  readDeploys,
  readHistory,
  readPlans,
  readSightings,
  readText,
  type FindingRow,
  type HistoryRow,
} from './inspect-store.js'
import type { Spread, WatchFilter } from './inspect-types.js'
import { findingFilterTable, watchFilterTable } from './options.js'
import { emptySum, guardTables, pickLongest, readBoth, spread, spreadOf, sumBy, toWindow, type Sum } from './sums.js'

type Asked = Pick<Db, 'query'>

const DAY_MS = 86_400_000
const MOST_FINDINGS = 100
const severities = ['act', 'watch', 'info'] as const

export async function readFindings(db: Asked, filter: FindingFilter = {}): Promise<FindingsOverview> {
  validateOptions('watch.inspect', filter, findingFilterTable)
  const { since = new Date(Date.now() - DAY_MS), statement, limit = MOST_FINDINGS } = filter
  const rows = await guardTables(async () => await listFindings(db, since, statement ?? null, limit))
  const findings = rows.map(toFinding)
  return { verdict: judgeFindings(findings), findings }
}

function toFinding({ seen, first_seen_at: firstSeenAt, last_seen_at: lastSeenAt, ...row }: FindingRow): FoundFinding {
  return { ...row, seen: Number(seen), firstSeenAt, lastSeenAt }
}

function judgeFindings(findings: readonly FoundFinding[]): FindingsOverview['verdict'] {
  const [first, ...others] = findings.filter(({ severity }) => severity !== 'info')
  if (first === undefined) {
    const hints = findings.length === 0 ? '' : ` There are ${findings.length} hints.`
    return { severity: 'ok', sentence: `Nothing was found that somebody should act on.${hints}`, also: [] }
  }
  const { severity, sentence, fix } = first
  const also = others.slice(0, 5).map((finding) => finding.sentence)
  return { severity: severity === 'act' ? 'act' : 'watch', sentence, fix, also }
}

/** Statements over all their routes and segments. */
export async function readQueries(db: Asked, filter: WatchFilter = {}): Promise<QueryLatency[]> {
  validateOptions('watch.inspect', filter, watchFilterTable)
  const window = toWindow(filter)
  const [{ now, earlierSums }, sightings, { findings }] = await Promise.all([
    readBoth(db, false, filter),
    guardTables(async () => await readSightings(db, window, null)),
    readFindings(db, { since: window.from, limit: 1_000 }),
  ])
  const [all, before] = [mergeRoutes(now), mergeRoutes(earlierSums.values())]
  return pickLongest(
    [...all.values()].map(({ sum }) => sum),
    filter,
  ).map((sum) => {
    const { route, routes } = all.get(sum.statement) as Merged
    const shapes = new Set(sightings.filter((each) => each.statement === sum.statement).map(({ shape }) => shape))
    const own = findings.filter(({ statement }) => statement === sum.statement)
    return {
      id: sum.statement,
      text: sum.text,
      route,
      routes,
      calls: sum.calls,
      errors: sum.errors,
      latency: spread(sum.durations),
      totalMs: sum.durations.totalMs,
      rowsPerCall: sum.calls === 0 ? 0 : sum.rows / sum.calls,
      before: spreadOf(before.get(sum.statement)?.sum),
      plans: shapes.size,
      finding: severities.find((severity) => own.some((finding) => finding.severity === severity)) ?? null,
    }
  })
}

interface Merged {
  sum: Sum
  route: string
  routes: number
  mostCalls: number
}

function mergeRoutes(sums: Iterable<Sum>): Map<string, Merged> {
  const merged = new Map<string, Merged>()
  for (const one of sums) {
    const { statement, route, calls } = one
    const known = merged.get(statement) ?? { sum: { ...emptySum(one), route: '' }, route, routes: 0, mostCalls: -1 }
    merged.set(statement, known)
    known.sum.calls += calls
    known.sum.errors += one.errors
    known.sum.rows += one.rows
    known.sum.durations.merge(one.durations)
    known.routes++
    if (calls > known.mostCalls) [known.mostCalls, known.route] = [calls, route]
  }
  return merged
}

/** Undefined: nobody has seen it. */
export async function readQuery(db: Asked, id: string, filter: WatchFilter = {}): Promise<QueryDetails | undefined> {
  validateOptions('watch.inspect', filter, watchFilterTable)
  const window = toWindow(filter)
  return await guardTables(async () => {
    const [text, history, plans, sightings, { findings }, deploys] = await Promise.all([
      readText(db, id),
      readHistory(db, window, id),
      readPlans(db, id),
      readSightings(db, window, id),
      readFindings(db, { since: new Date(0), statement: id }),
      readDeploys(db, window.from, window.until),
    ])
    if (text === undefined && plans.length === 0) return undefined
    return {
      id,
      text: text ?? '(a statement that has been forgotten)',
      routes: sumRoutes(history),
      history: sumHistory(history),
      plans: plans.map(({ tree, seen, ...plan }) => ({
        shape: plan.shape,
        tree: tree.root,
        isInferred: plan.is_inferred,
        seen: Number(seen),
        typicalMs: plan.typical_ms,
        slowMs: plan.slow_ms,
        cost: plan.cost,
        facts: plan.facts,
        firstSeenAt: plan.first_seen_at,
        lastSeenAt: plan.last_seen_at,
      })),
      lanes: sightings.map(({ began_at: at, shape, seen, most_ms: mostMs }) => ({ at, shape, seen, mostMs })),
      findings,
      deploys: deploys.map(({ label, began_at: at }) => ({ label, at })),
    }
  })
}

function sumHistory(rows: readonly HistoryRow[]): QueryDetails['history'] {
  const byTime = sumBy(rows, ({ began_at: at }) => at.getTime())
  return [...byTime].map(([at, durations]) => {
    const { p50, p95 } = spread(durations)
    return { at: new Date(at), calls: durations.count, p50, p95 }
  })
}

function sumRoutes(rows: readonly HistoryRow[]): { route: string; calls: number; latency: Spread }[] {
  const byRoute = sumBy(rows, ({ route }) => route)
  return [...byRoute]
    .map(([route, durations]) => ({ route, calls: durations.count, latency: spread(durations) }))
    .toSorted((a, b) => b.calls - a.calls)
}
