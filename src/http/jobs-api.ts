import type { CronState, DeadFilter, JobLife, Jobs, KeptRun, MinuteCounts, RunningJob } from '../jobs/index.js'
import type {
  CancelDocument,
  CronRow,
  DeadCountDocument,
  DeadJobsDocument,
  JobLifeDocument,
  JobQueueRow,
  JobsDocument,
  JobWorkerRow,
  RedriveDocument,
  RunningJobRow,
} from './contract.js'
import { httpError } from './errors.js'
import { judgeJobs, notConnected } from './jobs-verdict.js'

const shownMinutes = 60
/** One redrive takes no more: a preview is exact up to here. */
const mostRedriven = 1_000
const mostIds = 200
const mostFilterChars = 4_000

export async function readJobs(jobs: Jobs | undefined): Promise<JobsDocument> {
  if (jobs === undefined)
    return { isConnected: false, verdict: notConnected, queues: [], workers: [], running: [], crons: [] }
  const { inspect } = jobs
  const [states, hours, found] = await Promise.all([jobs.queues(), inspect.lastHour(), inspect.workers()])
  const [running, crons] = await Promise.all([inspect.running(), inspect.crons()])
  const minutes = new Map(hours.map((hour) => [hour.name, hour.minutes]))
  const queues: JobQueueRow[] = states.map((state) => ({ ...state, minutes: spread(minutes.get(state.name) ?? []) }))
  const workers: JobWorkerRow[] = found.map(({ id, instance, upMs, seenMs, isAlive }) => ({
    id,
    instance,
    upMs,
    seenMs,
    isAlive,
  }))
  const verdict = judgeJobs(queues, workers)
  return {
    isConnected: true,
    verdict,
    queues,
    workers,
    running: running.map(toRunningRow),
    crons: crons.map(toCronRow),
  }
}

function toRunningRow({ progress, ...job }: RunningJob): RunningJobRow {
  return { ...job, ...progress }
}

function toCronRow({ nextAt, firedAt, ...cron }: CronState): CronRow {
  return { ...cron, nextAt: nextAt.getTime(), firedAt: firedAt?.getTime() ?? null }
}

/** A place for each of the last 60 minutes, those without a row too. */
function spread(counts: readonly MinuteCounts[], now = Date.now()): JobQueueRow['minutes'] {
  const empty = (): number[] => Array.from({ length: shownMinutes }, () => 0)
  const minutes = { sent: empty(), succeeded: empty(), failed: empty(), died: empty() }
  // The database's clock may be ahead of ours.
  const newest = Math.max(Math.floor(now / 60_000), ...counts.map(({ at }) => at.getTime() / 60_000))
  for (const { at, ...row } of counts) {
    const place = shownMinutes - 1 - (newest - at.getTime() / 60_000)
    if (place < 0) continue
    for (const key of ['sent', 'succeeded', 'failed', 'died'] as const) minutes[key][place] = row[key]
  }
  return minutes
}

export async function listDead(jobs: Jobs | undefined, query: URLSearchParams): Promise<DeadJobsDocument> {
  const after = query.get('after')
  const filter = { ...readFilter(query), ...(after === null ? {} : { after }) }
  const { dead, next } = await need(jobs).inspect.listDead(filter)
  return { dead: dead.map((job) => ({ ...job, diedAt: job.diedAt.getTime() })), next }
}

export async function previewRedrive(jobs: Jobs | undefined, query: URLSearchParams): Promise<DeadCountDocument> {
  return await need(jobs).inspect.countDead(readFilter(query), mostRedriven)
}

export async function findJob(jobs: Jobs | undefined, query: URLSearchParams): Promise<JobLifeDocument> {
  const withPayload = query.get('payload') === '1'
  const [known, id] = [need(jobs), readId(query)]
  const life = await known.inspect.findJob(id, { withPayload })
  const kept = life.place === 'unknown' ? await known.result(id) : undefined
  return toLifeDocument(kept === undefined ? life : describeKept(life, kept))
}

/** A run that has ended, and whose queue keeps that: what is known of it in place of a guess. */
function describeKept(life: JobLife, { name, outcome, attempts, sentAt, errors, uniqueKey, ...run }: KeptRun): JobLife {
  const until = run.expiresAt.toISOString().slice(0, 16).replace('T', ' ')
  const sentence = `It ${outcomes[outcome]} after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}; kept until ${until} UTC.`
  return { ...life, name, sentence, sentAt, errors, uniqueKey }
}

const outcomes = { succeeded: 'succeeded', dead: 'died', cancelled: 'was cancelled' } as const

function toLifeDocument({ sentAt, runAt, diedAt, worker, ...rest }: JobLife): JobLifeDocument {
  return {
    ...rest,
    sentAt: sentAt?.getTime() ?? null,
    runAt: runAt?.getTime() ?? null,
    diedAt: diedAt?.getTime() ?? null,
    worker: worker === null ? null : { ...worker, since: worker.since.getTime() },
  }
}

// Actions are told by the address and not by a body: frameworks that parse JSON before the handler leave none behind.

export async function setPaused(jobs: Jobs | undefined, query: URLSearchParams, isPaused: boolean): Promise<void> {
  const known = need(jobs)
  const name = readQueue(query)
  if (name === '') throw httpError('HF_HTTP_PARAMETER', 'The parameter `queue` is missing.')
  await (isPaused ? known.pause(name) : known.resume(name))
}

export async function redrive(jobs: Jobs | undefined, query: URLSearchParams): Promise<RedriveDocument> {
  const known = need(jobs)
  const ids = query.get('ids')
  if (ids === null) {
    // Everything at once must be meant: a filter that got lost on the way must not redrive all there is.
    if (query.get('all') !== '1') throw httpError('HF_HTTP_PARAMETER', 'Neither `ids` nor `all=1` was given.')
    return { redriven: await known.redrive({ ...readFilter(query), limit: mostRedriven }) }
  }
  return { redriven: await known.redrive(readIds(ids)) }
}

export async function cancel(jobs: Jobs | undefined, query: URLSearchParams): Promise<CancelDocument> {
  return { answer: await need(jobs).cancel(readId(query)) }
}

function need(jobs: Jobs | undefined): Jobs {
  if (jobs === undefined) throw httpError('HF_HTTP_NO_JOBS', 'This handler was made without jobs.')
  return jobs
}

function readId(query: URLSearchParams): string {
  const [id, ...others] = readIds(query.get('id') ?? '')
  if (id === undefined || others.length > 0) throw httpError('HF_HTTP_PARAMETER', 'One `id` is wanted.')
  return id
}

function readIds(text: string): string[] {
  const ids = text.split(',').map((id) => id.trim())
  if (ids.length > mostIds) throw httpError('HF_HTTP_PARAMETER', `At most ${mostIds} ids are taken at once.`)
  if (ids.every((id) => /^\d{1,18}$/.test(id))) return ids
  throw httpError('HF_HTTP_PARAMETER', 'An id of a job is a whole number.')
}

function readQueue(query: URLSearchParams): string {
  const name = query.get('queue') ?? ''
  if (name.length <= 100 && !name.includes('\0')) return name
  throw httpError('HF_HTTP_PARAMETER', '`queue` is no name of a queue.')
}

function readFilter(query: URLSearchParams): Pick<DeadFilter, 'name' | 'contains'> {
  const filter: Pick<DeadFilter, 'name' | 'contains'> = {}
  const name = readQueue(query)
  const contains = query.get('contains')?.trim() ?? ''
  if (name !== '') filter.name = name
  if (contains !== '') filter.contains = readContained(contains)
  return filter
}

/** What jsonb cannot hold is refused here, else the database's error would be ours. */
function readContained(text: string): unknown {
  if (text.length > mostFilterChars) throw httpError('HF_HTTP_PARAMETER', '`contains` is too long.')
  const value = parseContained(text)
  if (/\\u(0000|d[89a-f])/i.test(JSON.stringify(value))) {
    throw httpError('HF_HTTP_PARAMETER', '`contains` holds a character that no payload can hold.')
  }
  return value
}

function parseContained(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw httpError('HF_HTTP_PARAMETER', '`contains` is not valid JSON.')
  }
}
