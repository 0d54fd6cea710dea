import { Histogram, type Db } from '../../core/index.js'
import type { Case, Culprit, Patient } from './case.js'
import { groupBy } from '../group.js'
import { noCalls, type Part, type StatementHalves, type StatementPart } from './parts.js'
import type { Reader } from './reader.js'
import { findCulprit } from './statement-suspects.js'
import {
  readKnownPlans,
  readLatestDeploys,
  readNewFindings,
  readOutbound,
  readShapes,
  readStatementBins,
  readStatements,
  type Halves,
  type StatementRow,
} from './store.js'

const MINUTE_MS = 60_000
const LEAST_REQUESTS = 100
const FORGOTTEN = '(a statement that has been forgotten)'

type Asked = Pick<Db, 'query'>

interface Around {
  until: Date
  patients: readonly Patient[]
  seen: ReadonlyMap<string, Part>
}

/** Reads what the suspects are to be asked about. */
export async function gatherCase(db: Asked, reader: Reader, patient: Patient, around: Around): Promise<Case> {
  const { route, at, before, after, window, found } = patient
  const halves = toHalves(patient, around.until)
  const [rows, outbound, deploys] = await Promise.all([
    reader.attempt('statements', async () => await readStatements(db, halves, route, reader.patience())),
    reader.attempt('other services', async () => await readOutbound(db, halves, route, reader.patience())),
    reader.attempt('deploys', async () => await readLatestDeploys(db, around.until, reader.patience())),
  ])
  const statements = rows && toStatements(rows)
  const worst = findCulprit({ statements, before, after })
  const culprit = worst && (await readCulprit(db, reader, halves, patient, worst))
  const others = listOthers(patient, around)
  const { until } = around
  return {
    route,
    at,
    until,
    windowMinutes: window.minutes,
    kind: found.kind,
    before,
    after,
    others,
    statements,
    outbound,
    deploys,
    culprit,
  }
}

function toHalves({ window, moments, found, at }: Patient, until: Date): Halves {
  const ended = moments[found.until]?.at
  return {
    minutes: window.minutes,
    from: new Date(moments[found.beforeFrom]?.at ?? window.from),
    at,
    until: ended === undefined ? until : new Date(ended),
  }
}

async function readCulprit(
  db: Asked,
  reader: Reader,
  halves: Halves,
  { route, window }: Patient,
  statement: StatementHalves,
): Promise<Culprit> {
  const since = new Date(halves.at.getTime() - Math.max(10, window.minutes) * MINUTE_MS)
  const { id } = statement
  const [bins, shapes, plans, findings] = await Promise.all([
    reader.attempt('durations', async () => await readStatementBins(db, halves, route, id, reader.patience())),
    reader.attempt('plans', async () => await readShapes(db, halves, id, reader.patience())),
    reader.attempt('plans', async () => await readKnownPlans(db, id, reader.patience())),
    reader.attempt('findings', async () => await readNewFindings(db, since, halves.until, id, reader.patience())),
  ])
  const durations = bins && { before: new Histogram(), after: new Histogram() }
  for (const row of bins ?? []) durations?.[row.is_after ? 'after' : 'before'].addEncoded(row.bins, row.total_ms)
  // One of last week has nothing to do with it.
  const own = findings?.filter(({ statement: of, first_seen_at: at }) => of === id && at >= since)
  return { statement, durations, shapes, plans, findings: own }
}

function toStatements(rows: readonly StatementRow[]): StatementHalves[] {
  return [...groupBy(rows, ({ statement }) => statement)].map(([id, halves]) => {
    const partOf = (isAfter: boolean) => toPart(halves.find((row) => row.is_after === isAfter))
    return { id, text: halves[0]?.text ?? FORGOTTEN, before: partOf(false), after: partOf(true) }
  })
}

function toPart(row: StatementRow | undefined): StatementPart {
  if (row === undefined) return noCalls
  const { calls, errors, requests, rows, bytes, total_ms: totalMs } = row
  return {
    calls: Number(calls),
    errors: Number(errors),
    requests: Number(requests),
    rows: Number(rows),
    bytes: Number(bytes),
    totalMs,
  }
}

function listOthers({ route, at, window }: Patient, { patients, seen }: Around): Case['others'] {
  const near = Math.max(10, window.minutes * 2) * MINUTE_MS
  return [...seen]
    .filter(([name, { requests }]) => name !== route && requests >= LEAST_REQUESTS)
    .map(([name]) => {
      const other = patients.find((each) => each.route === name)
      return { route: name, isSlowerToo: other !== undefined && Math.abs(other.at.getTime() - at.getTime()) <= near }
    })
}
