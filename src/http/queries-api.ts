import type { FoundFinding, QueryDetails, QueryLatency, QueryPlan, WatchInspector } from '../watch/index.js'
import type {
  AdviceDocument,
  FindingRow,
  FindingsDocument,
  QueriesDocument,
  QueryDocument,
  QueryPlanRow,
  QueryRow,
  Verdict,
} from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'
import { readWatched, readWindow } from './watch-api.js'

const mostQueries = 100
const mostFindings = 200
const hourMs = 3_600_000
const minuteMs = 60_000

type Judged = 'isConnected' | 'verdict'

/** Finds an index for a statement, and proves it. */
export type Advise = (statement: string) => Promise<AdviceDocument>

export async function readQueries(db: ObservedDb, query: URLSearchParams): Promise<QueriesDocument> {
  const [windowMs, statement] = [readWindow(query), readStatement(query)]
  return await readWatched<Omit<QueriesDocument, Judged>>(db, { queries: [], opened: null }, async (inspector) => {
    const [found, { verdict }, opened] = await Promise.all([
      inspector.queries({ windowMs, limit: mostQueries }),
      inspector.findings({ since: new Date(Date.now() - windowMs) }),
      statement === undefined ? null : readOpened(inspector, statement, windowMs),
    ])
    const totalMs = found.reduce((sum, each) => sum + each.totalMs, 0)
    return {
      verdict: found.length === 0 && verdict.severity === 'ok' ? nothingSeen : verdict,
      queries: found.map((each) => toQuery(each, totalMs)),
      opened,
    }
  })
}

const nothingSeen: Verdict = {
  severity: 'ok',
  sentence: 'No statement was seen in this time.',
  fix: 'Call `watch(db)` of holdfast/watch where your application starts, or look back further.',
  also: [],
}

export async function readFindings(db: ObservedDb, query: URLSearchParams): Promise<FindingsDocument> {
  const windowMs = readWindow(query, '24h')
  return await readWatched<Omit<FindingsDocument, Judged>>(db, { findings: [], isMore: false }, async (inspector) => {
    const since = new Date(Date.now() - windowMs)
    const { verdict, findings } = await inspector.findings({ since, limit: mostFindings + 1 })
    return {
      verdict,
      findings: findings.slice(0, mostFindings).map(toFinding),
      isMore: findings.length > mostFindings,
    }
  })
}

/** @throws HF_HTTP_PARAMETER, HF_HTTP_NO_ADVICE and what the adviser throws */
export async function askAdvice(advise: Advise | undefined, query: URLSearchParams): Promise<AdviceDocument> {
  const statement = readStatement(query)
  if (statement === undefined) throw httpError('HF_HTTP_PARAMETER', 'The parameter `statement` is missing.')
  if (advise === undefined) throw httpError('HF_HTTP_NO_ADVICE', 'This process cannot look for an index.')
  return await advise(statement)
}

async function readOpened(inspector: WatchInspector, id: string, windowMs: number): Promise<QueryDocument | null> {
  const until = new Date()
  // Of one statement an hour is shown by its minutes: two whole hours would be no course.
  const isByHour = windowMs > hourMs
  const details = await inspector.query(id, { until, windowMs: isByHour ? windowMs : Math.min(windowMs, hourMs - 1) })
  if (details === undefined) return null
  const stepMs = isByHour ? hourMs : minuteMs
  const from = Math.floor((until.getTime() - windowMs) / stepMs) * stepMs
  return { ...toOpened(details), from, until: until.getTime(), stepMs }
}

function toOpened({ history, plans, lanes, findings, deploys, ...rest }: QueryDetails) {
  return {
    ...rest,
    history: history.map(({ at, ...entry }) => ({ at: at.getTime(), ...entry })),
    plans: plans.map(toPlan),
    lanes: lanes.map(({ at, ...entry }) => ({ at: at.getTime(), ...entry })),
    findings: findings.map(toFinding),
    deploys: deploys.map(({ label, at }) => ({ label, at: at.getTime() })),
  }
}

function toPlan({ facts, firstSeenAt, lastSeenAt, ...plan }: QueryPlan): QueryPlanRow {
  const tables = Object.entries(facts ?? {}).map(([table, { bytes, rows, changed, analyzedAt }]) => [
    table,
    { bytes, rows, changed, analyzedAt },
  ])
  return {
    ...plan,
    facts: facts === null ? null : (Object.fromEntries(tables) as QueryPlanRow['facts']),
    firstSeenAt: firstSeenAt.getTime(),
    lastSeenAt: lastSeenAt.getTime(),
  }
}

function toQuery({ totalMs, ...query }: QueryLatency, allMs: number): QueryRow {
  return { ...query, share: allMs === 0 ? 0 : totalMs / allMs }
}

function toFinding({ firstSeenAt, lastSeenAt, ...finding }: FoundFinding): FindingRow {
  return { ...finding, firstSeenAt: firstSeenAt.getTime(), lastSeenAt: lastSeenAt.getTime() }
}

/** A signed 64-bit number. @throws HF_HTTP_PARAMETER */
function readStatement(query: URLSearchParams): string | undefined {
  const given = query.get('statement') ?? ''
  if (given === '') return undefined
  if (/^-?\d{1,19}$/.test(given) && BigInt.asIntN(64, BigInt(given)) === BigInt(given)) return given
  throw httpError('HF_HTTP_PARAMETER', '`statement` is no id of a statement.')
}
