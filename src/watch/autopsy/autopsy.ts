import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { validateOptions, type Db } from '../../core/index.js'
import { autopsyOptionTable } from '../options.js'
import { guardTables } from '../sums.js'
import type { Window } from '../store.js'
import type { Patient } from './case.js'
import { concludeVerdict, listChanges, listFixes, questionAll } from './conclude.js'
import { groupBy } from '../group.js'
import { gatherCase } from './investigate.js'
import { FEW, findOnset, isSlower } from './onset.js'
import { sumRows, toMoments, type Part } from './parts.js'
import { Reader } from './reader.js'
import { readBusiest, readMoments, readNewFindings, type MomentRow } from './store.js'
import type { Autopsy, AutopsyOptions, Onset } from './types.js'
import { formatMs } from '../words.js'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Minutes are kept for so long; beyond there are hours. */
const BY_MINUTES_MS = 3 * HOUR_MS
const LEAST_MINUTES = 4
const LEAST_HOURS = 2
/** Too little to tell a level by. */
const LEAST_REQUESTS = 100

type Asked = Pick<Db, 'query'>

/**
 * Why a route has become slower: since when, which suspects the figures eliminate, what changed then, and what helps.
 * Reads what `watch(db)` of all processes wrote, a bounded number of rows, and changes nothing.
 *
 * @throws HF_WATCH_NOT_INSTALLED, HF_OPTIONS_…
 */
export async function autopsy(db: Asked, options: AutopsyOptions = {}): Promise<Autopsy> {
  validateOptions('watch.autopsy', options, autopsyOptionTable)
  const started = performance.now()
  const until = new Date()
  const { since = new Date(until.getTime() - (options.sinceMs ?? DAY_MS)), route } = options
  const from = since < until ? since : new Date(until.getTime() - MINUTE_MS)
  const reader = new Reader(options.deadlineMs ?? 60_000, options.signal)
  const { patients, seen } = await findPatients(db, reader, listWindows(from, until), route)
  const report = await examine(db, reader, patients, { from, until, seen, route }, options)
  return { ...report, missing: reader.missing, tookMs: Math.round(performance.now() - started) }
}

/** Hours for the whole of it, and minutes for the last three hours, which tell the moment. */
function listWindows(from: Date, until: Date): Window[] {
  const minutesFrom = new Date(Math.max(from.getTime(), until.getTime() - BY_MINUTES_MS))
  const minutes: Window = { minutes: 1, from: floor(minutesFrom, MINUTE_MS), until }
  if (from >= minutesFrom) return [minutes]
  return [minutes, { minutes: 60, from: floor(from, HOUR_MS), until }]
}

async function findPatients(db: Asked, reader: Reader, windows: readonly Window[], route: string | undefined) {
  const patients = new Map<string, Patient>()
  const seen = new Map<string, Part>()
  for (const window of windows) {
    const routes =
      route === undefined ? await guardTables(async () => await readBusiest(db, window, reader.patience())) : [route]
    const rows = await guardTables(async () => await readMoments(db, window, routes, reader.patience()))
    for (const [name, own] of groupBy(rows, (row) => row.route)) {
      // Adding up the histograms of one route takes milliseconds; a process that serves requests does it bit by bit.
      await yieldToLoop()
      if (window.minutes === 60 || windows.length === 1) seen.set(name, sumRows(own, window.minutes))
      // Where minutes tell of it they tell more exactly than hours.
      const patient = patients.get(name) ?? diagnose(name, own, window)
      if (patient) patients.set(name, patient)
    }
  }
  return { patients: [...patients.values()].toSorted((a, b) => costOf(b) - costOf(a)), seen }
}

function diagnose(route: string, rows: readonly MomentRow[], window: Window): Patient | undefined {
  const moments = toMoments(rows)
  if (moments.reduce((sum, { requests }) => sum + requests, 0) < LEAST_REQUESTS) return undefined
  const found = findOnset(moments, window.minutes === 1 ? LEAST_MINUTES : LEAST_HOURS)
  if (found === undefined) return undefined
  const timeOf = (index: number) => moments[index]?.at ?? Infinity
  const within = (from: number, to: number) =>
    rows.filter(({ began_at: at }) => at.getTime() >= from && at.getTime() < to)
  const before = sumRows(within(timeOf(found.beforeFrom), timeOf(found.at)), window.minutes)
  const after = sumRows(within(timeOf(found.at), timeOf(found.until)), window.minutes)
  // Levels are medians of windows; what counts is what all of their requests saw.
  if (after.requests < FEW || !isSlower(after.durations.percentileMs(0.95), before.durations.percentileMs(0.95)))
    return undefined
  return { route, window, rows, moments, found, at: new Date(timeOf(found.at)), before, after }
}

/** Time that its users lost; what is over counts for less. */
function costOf({ before, after, found, moments }: Patient): number {
  const extra = after.durations.percentileMs(0.95) - before.durations.percentileMs(0.95)
  return extra * after.requests * (found.until === moments.length ? 1 : 0.01)
}

interface Asking {
  from: Date
  until: Date
  seen: ReadonlyMap<string, Part>
  route: string | undefined
}

async function examine(
  db: Asked,
  reader: Reader,
  patients: readonly Patient[],
  { from, until, seen, route }: Asking,
  { advise }: AutopsyOptions,
): Promise<Omit<Autopsy, 'missing' | 'tookMs'>> {
  const [patient, ...others] = patients
  const nothing = { statement: null, suspects: [], changes: [], fixes: [], refused: [], alsoSlower: [] }
  if (patient === undefined)
    return { verdict: describeCalm(seen, route), route: route ?? null, from, until, onset: null, ...nothing }
  const facts = await gatherCase(db, reader, patient, { until, patients, seen })
  const suspects = questionAll(facts)
  const onset = toOnset(patient)
  const near = onsetMargin(patient)
  const found = await reader.attempt(
    'findings',
    async () => await readNewFindings(db, near.from, near.until, null, reader.patience()),
  )
  const text = facts.culprit?.statement.text
  const isOfStatement = suspects.some(({ suspect, verdict }) => suspect === 'statement' && verdict === 'guilty')
  const advised =
    advise && text !== undefined && isOfStatement
      ? await reader.attempt('advice', async () => await reader.bound(advise(text)))
      : undefined
  const fixes = listFixes(facts, suspects, advised?.advice ?? [])
  const verdict = concludeVerdict(facts, suspects, onset.endedAt)
  return {
    verdict: fixes[0] ? { ...verdict, fix: fixes[0].ddl ?? fixes[0].sentence } : verdict,
    route: patient.route,
    from,
    until,
    onset,
    suspects,
    changes: listChanges(facts, found ?? []),
    statement: facts.culprit ? { id: facts.culprit.statement.id, text: facts.culprit.statement.text } : null,
    fixes,
    refused: advised?.refused.map(({ why }) => why) ?? [],
    alsoSlower: others
      .filter(({ found: each, moments }) => each.until === moments.length)
      .map(({ route: name, at, before, after }) => ({ route: name, at, before: p95(before), after: p95(after) }))
      .toSorted((a, b) => b.at.getTime() - a.at.getTime()),
  }
}

function onsetMargin({ at, window }: Patient): { from: Date; until: Date } {
  const margin = Math.max(10, window.minutes) * MINUTE_MS
  return { from: new Date(at.getTime() - margin), until: new Date(at.getTime() + 2 * margin) }
}

function toOnset({ window, found, moments, at, before, after }: Patient): Onset {
  const ended = moments[found.until]?.at
  const spreadOf = ({ durations, requests }: Part) => {
    const [p50, p95Ms, p99] = [0.5, 0.95, 0.99].map((share) => durations.percentileMs(share)) as [
      number,
      number,
      number,
    ]
    return { p50, p95: p95Ms, p99, requests }
  }
  const endedAt = ended === undefined ? null : new Date(ended)
  return { at, endedAt, minutes: window.minutes, kind: found.kind, before: spreadOf(before), after: spreadOf(after) }
}

const p95 = ({ durations }: Part): number => durations.percentileMs(0.95)

function describeCalm(seen: ReadonlyMap<string, Part>, route: string | undefined): Autopsy['verdict'] {
  const enough = [...seen].filter(([, { requests }]) => requests >= LEAST_REQUESTS)
  const slowest = enough.toSorted(([, a], [, b]) => p95(b) - p95(a))[0]
  if (slowest === undefined) {
    const few = [...seen.values()].reduce((sum, { requests }) => sum + requests, 0)
    const of = route === undefined ? 'any route' : route
    const sentence = `Too little was seen of ${of} to tell: ${few} requests in this time.`
    const fix = 'Call `watch(db)` of holdfast/watch where your application starts, or look at a longer time.'
    return { severity: 'ok', sentence, fix, also: [] }
  }
  const [name, part] = slowest
  const what = route === undefined ? `No route became slower; the slowest is ${name}` : `${name} is as it was`
  return { severity: 'ok', sentence: `${what}, with a P95 of ${formatMs(p95(part))}.`, also: [] }
}

const floor = (date: Date, ms: number): Date => new Date(Math.floor(date.getTime() / ms) * ms)
