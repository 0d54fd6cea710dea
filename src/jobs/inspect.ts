import type { Db } from '../core/index.js'
import * as store from './inspect-store.js'
import type {
  CronState,
  DeadCount,
  DeadPage,
  DeadPageFilter,
  JobLife,
  JobPlace,
  JobsInspector,
  QueueMinutes,
  RunningJob,
  WaitReason,
  WorkerState,
} from './inspect-types.js'

const SHOWN_CHARS = 20_000
const MOST_RUNNING = 100
const MOST_CRONS = 200
const priorities = ['high', 'normal', 'low'] as const
/** What PostgreSQL's bigint surely holds. */
const idPattern = /^\d{1,18}$/

export function makeInspector(db: Db): JobsInspector {
  return {
    workers: async () => await listWorkers(db),
    lastHour: async () => await listMinutes(db),
    running: async () => await listRunning(db),
    crons: async () => await listCrons(db),
    listDead: async (filter = {}) => await listDead(db, filter),
    countDead: async (filter = {}, most = 1_000) => await countDead(db, filter, most),
    findJob: async (id, { withPayload = false } = {}) => {
      if (!idPattern.test(id)) return describeUnknown(id, false)
      const row = await store.findLife(db, id, withPayload ? SHOWN_CHARS : 0)
      return row.kind === null ? describeUnknown(id, row.is_drawn) : describeLife(row)
    },
  }
}

async function listWorkers(db: Db): Promise<WorkerState[]> {
  const rows = await store.listWorkers(db)
  return rows.map((row) => ({
    id: row.id,
    instance: row.instance,
    startedAt: row.started_at,
    seenAt: row.seen_at,
    upMs: row.up_ms,
    seenMs: row.seen_ms,
    leaseMs: row.lease_ms,
    isAlive: row.is_alive,
    hasSession: row.has_session,
  }))
}

async function listRunning(db: Db): Promise<RunningJob[]> {
  const rows = await store.listRunning(db, MOST_RUNNING)
  return rows.map(({ running_ms: runningMs, reported_ms: reportedMs, is_cancelling: isCancelling, ...row }) => {
    const { id, name, attempt, instance, done, total, note } = row
    const progress = { done, total, note }
    return { id, name, attempt, instance: instance ?? 'gone', runningMs, progress, reportedMs, isCancelling }
  })
}

async function listCrons(db: Db): Promise<CronState[]> {
  const rows = await store.listCrons(db, MOST_CRONS)
  return rows.map(
    ({ name, job, schedule, time_zone: timeZone, next_at: nextAt, next_ms: nextMs, fired_at: firedAt }) => ({
      name,
      job,
      schedule,
      timeZone,
      nextAt,
      nextMs,
      firedAt,
    }),
  )
}

async function listMinutes(db: Db): Promise<QueueMinutes[]> {
  const queues = new Map<string, QueueMinutes>()
  for (const { name, at, sent, succeeded, failed, died } of await store.listMinutes(db)) {
    const queue = queues.get(name) ?? { name, minutes: [] }
    queues.set(name, queue)
    if (at === null) continue
    const counts = { sent: Number(sent), succeeded: Number(succeeded), failed: Number(failed), died: Number(died) }
    queue.minutes.push({ at, ...counts })
  }
  return [...queues.values()]
}

async function listDead(db: Db, { after, limit = 50, ...search }: DeadPageFilter): Promise<DeadPage> {
  // One more than asked for tells whether there is a next page.
  const rows = await store.pageDead(db, toSearch(search), readPosition(after), limit + 1)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    dead: shown.map(({ id, name, attempts, died_at: diedAt, error }) => ({
      id,
      name,
      attempts,
      diedAt,
      error: error === null ? null : { name: error.name ?? '', message: error.message ?? '' },
    })),
    next: rows.length > limit && last !== undefined ? `${last.micros}.${last.id}` : null,
  }
}

async function countDead(db: Db, filter: DeadPageFilter, most: number): Promise<DeadCount> {
  const found = await store.countDead(db, toSearch(filter), most + 1)
  return { count: Math.min(found, most), isMore: found > most }
}

function toSearch({ name, contains }: DeadPageFilter): store.DeadSearch {
  return { name: name ?? null, contains: contains === undefined ? null : JSON.stringify(contains) }
}

/** What is no position of ours begins at the newest. */
function readPosition(after: string | undefined): store.DeadPosition | null {
  const [, micros, id] = /^(\d{1,18})\.(\d{1,18})$/.exec(after ?? '') ?? []
  return micros === undefined || id === undefined ? null : { micros, id }
}

const nothingKnown = {
  waits: [],
  name: null,
  priority: null,
  attempt: null,
  attempts: null,
  sentAt: null,
  runAt: null,
  diedAt: null,
  uniqueKey: null,
  worker: null,
  errors: [],
}

function describeUnknown(id: string, isDrawn: boolean): JobLife {
  const sentence = isDrawn
    ? 'No job of this id waits, runs or is dead: it has succeeded, was cancelled, or its transaction did not commit.'
    : 'No job of this id has ever been sent.'
  return { ...nothingKnown, id, place: 'unknown', sentence }
}

function describeLife(row: store.FoundLife): JobLife {
  const place = findPlace(row)
  const life: JobLife = {
    id: row.id,
    place,
    sentence: describePlace(place, row),
    waits: place === 'running' || place === 'dead' ? [] : explainWait(place, row),
    name: row.name,
    priority: priorities[row.priority] ?? null,
    attempt: row.attempt,
    attempts: row.attempts_allowed,
    sentAt: row.sent_at,
    runAt: row.run_at,
    diedAt: row.died_at,
    uniqueKey: row.unique_key,
    worker:
      row.worker === null || row.claimed_at === null
        ? null
        : { id: row.worker, instance: row.instance ?? 'gone', since: row.claimed_at },
    errors: row.errors ?? [],
  }
  if (row.body !== null) life.payload = { text: row.body, isCut: row.is_cut }
  return life
}

function findPlace({ kind, worker, attempt }: store.FoundLife): Exclude<JobPlace, 'unknown'> {
  if (kind === 'dead') return 'dead'
  if (kind === 'later') return attempt > 1 ? 'retry' : 'delayed'
  return worker === null ? 'ready' : 'running'
}

function describePlace(place: JobPlace, row: store.FoundLife): string {
  const attempt = `attempt ${row.attempt} of ${row.attempts_allowed}`
  if (place === 'dead') return `It is dead after ${countAttempts(row.attempt)}; redrive it to run it again.`
  if (place === 'running') return `It is in the hands of ${row.instance ?? 'a worker that is gone'}, ${attempt}.`
  if (place === 'ready') return `It is ready to run, ${attempt}.`
  return place === 'retry' ? `It failed and waits for ${attempt}.` : 'It was sent to run later.'
}

/** All that stands in its way, the strongest first. */
function explainWait(place: JobPlace, row: store.FoundLife): WaitReason[] {
  const waits: WaitReason[] = []
  if (row.is_paused) waits.push({ code: 'queue-paused', sentence: `The queue ${row.name} is paused; resume it.` })
  if (!row.has_worker) waits.push({ code: 'no-live-worker', sentence: 'No live worker: start one with jobs.work().' })
  if (row.kind === 'waiting') return [...waits, explainKey(row.per_key)]
  if (place === 'ready') {
    if (row.is_behind) waits.push({ code: 'behind', sentence: 'Older jobs of its queue and priority come first.' })
    else if (waits.length === 0) waits.push(nextUp)
    return waits
  }
  if (row.is_due) waits.push({ code: 'due', sentence: 'Its time has come; the next look of a worker makes it ready.' })
  else if (row.run_at !== null) waits.push(explainTime(place, row.run_at, row.now))
  return waits
}

function explainKey(perKey: number): WaitReason {
  const others = perKey === 1 ? 'Another job of its key runs' : `${perKey} other jobs of its key run`
  return { code: 'key-taken', sentence: `${others}, which is all that may at once; it is readied when one ends.` }
}

const nextUp: WaitReason = {
  code: 'next',
  sentence: 'Nothing stands in its way: it is the next of its queue and priority, if a worker has this kind of job.',
}

function explainTime(place: JobPlace, runAt: Date, now: Date): WaitReason {
  const left = formatSpan(runAt.getTime() - now.getTime())
  return place === 'retry'
    ? { code: 'retry-pause', sentence: `The pause after its failed attempt lasts another ${left}.` }
    : { code: 'delayed', sentence: `It was sent to run not before a moment that is ${left} away.` }
}

function countAttempts(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`
}

function formatSpan(ms: number): string {
  const seconds = Math.max(Math.ceil(ms / 1_000), 1)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}
