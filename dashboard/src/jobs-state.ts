import { batch, signal } from '@preact/signals'
import type {
  CancelDocument,
  DeadCountDocument,
  DeadJobRow,
  DeadJobsDocument,
  JobLifeDocument,
  JobsDocument,
  RedriveDocument,
} from '../../src/http/contract'
import { connection, loadPages } from './live'
import { deadContains, deadQueue, jobId } from './view-state'

const everyMs = 2_000
const lostAfter = 2

export const jobs = signal<JobsDocument | null>(null)
/** When the shown figures came. */
export const readAt = signal(0)
export const dead = signal<readonly DeadJobRow[] | null>(null)
export const deadNext = signal<string | null>(null)
export const life = signal<JobLifeDocument | null>(null)
/** What went wrong with what the reader asked for last; '' is nothing. */
export const failure = signal('')
/** What the reader's last action did. */
export const outcome = signal('')

let timer = 0
let failures = 0
let isReading = false
/** Only the answer to the newest question is shown. */
let searches = 0
let lookUps = 0

export function startJobs(): void {
  document.addEventListener('visibilitychange', followVisibility)
  void loadPages()
  followVisibility()
  if (jobId.value !== '') void lookUp(jobId.value)
}

function followVisibility(): void {
  clearTimeout(timer)
  if (document.hidden) connection.value = 'paused'
  else void keepReading()
}

async function keepReading(): Promise<void> {
  clearTimeout(timer)
  if (!isReading) await refresh()
  clearTimeout(timer)
  if (!document.hidden) timer = window.setTimeout(() => void keepReading(), everyMs)
}

async function refresh(): Promise<void> {
  isReading = true
  try {
    const answer = await fetch('./api/jobs')
    // The session has ended: the page itself shows the login.
    if (answer.status === 401 || answer.status === 403) return location.reload()
    if (!answer.ok) throw new Error(String(answer.status))
    const document = (await answer.json()) as JobsDocument
    failures = 0
    batch(() => {
      jobs.value = document
      readAt.value = Date.now()
      connection.value = 'live'
    })
    if (document.isConnected && dead.value === null && searches === 0) void searchDead()
  } catch {
    if (++failures >= lostAfter) connection.value = 'lost'
  } finally {
    isReading = false
  }
}

/** Asks and tells the reader when that failed. */
async function ask<T>(path: string, method: 'GET' | 'POST' = 'GET'): Promise<T | undefined> {
  failure.value = ''
  if (method === 'POST') outcome.value = ''
  const headers = method === 'POST' ? { 'x-holdfast-action': '1' } : undefined
  try {
    const answer = await fetch(`./api/jobs/${path}`, { method, headers })
    if (answer.ok) return (answer.status === 204 ? {} : await answer.json()) as T
    const problem = (await answer.json().catch(() => ({}))) as { detail?: string; fix?: string }
    failure.value = [problem.detail, problem.fix].filter(Boolean).join(' ') || `The service answered ${answer.status}.`
  } catch {
    failure.value = 'The service cannot be reached; nothing is known of what it did.'
  }
  return undefined
}

export async function setPaused(queue: string, isPaused: boolean): Promise<void> {
  const action = isPaused ? 'pause' : 'resume'
  const done = await ask(`${action}?${new URLSearchParams({ queue })}`, 'POST')
  if (done === undefined) return
  outcome.value = isPaused ? `${queue} is paused; what runs goes on.` : `${queue} is resumed.`
  await refresh()
}

function filterQuery(): URLSearchParams {
  const query = new URLSearchParams()
  if (deadQueue.value !== '') query.set('queue', deadQueue.value)
  if (deadContains.value.trim() !== '') query.set('contains', deadContains.value)
  return query
}

export async function searchDead(after = ''): Promise<void> {
  const query = filterQuery()
  if (after !== '') query.set('after', after)
  const search = ++searches
  const found = await ask<DeadJobsDocument>(`dead?${query}`)
  if (found === undefined || search !== searches) return
  batch(() => {
    dead.value = after === '' ? found.dead : [...(dead.value ?? []), ...found.dead]
    deadNext.value = found.next
  })
}

export function previewRedrive(): Promise<DeadCountDocument | undefined> {
  return ask(`preview?${filterQuery()}`)
}

export async function redriveFound(): Promise<void> {
  const query = filterQuery()
  query.set('all', '1')
  await redrive(query)
}

export async function redriveOne(id: string): Promise<void> {
  await redrive(new URLSearchParams({ ids: id }))
}

async function redrive(query: URLSearchParams): Promise<void> {
  const done = await ask<RedriveDocument>(`redrive?${query}`, 'POST')
  if (done === undefined) return
  outcome.value = describeRedriven(done.redriven)
  await Promise.all([searchDead(), refresh(), jobId.value === '' ? undefined : lookUp(jobId.value)])
}

function describeRedriven(count: number): string {
  if (count === 0) return 'None was redriven: they were gone, or their unique keys are taken by others.'
  return count === 1 ? '1 job was sent again.' : `${count.toLocaleString('en-US')} jobs were sent again.`
}

export async function lookUp(id: string, withPayload = false): Promise<void> {
  jobId.value = id.trim()
  life.value = null
  const turn = ++lookUps
  if (jobId.value === '') return
  const query = new URLSearchParams({ id: jobId.value })
  if (withPayload) query.set('payload', '1')
  const found = await ask<JobLifeDocument>(`job?${query}`)
  if (turn === lookUps) life.value = found ?? null
}

const cancelAnswers: Readonly<Record<CancelDocument['answer'], string>> = {
  cancelled: 'was cancelled.',
  asked: 'runs; its worker was asked to end it.',
  'not-found': 'neither waited nor ran any more; nothing was changed.',
}

export async function cancel(id: string): Promise<void> {
  const done = await ask<CancelDocument>(`cancel?${new URLSearchParams({ id })}`, 'POST')
  if (done === undefined) return
  outcome.value = `Job ${id} ${cancelAnswers[done.answer]}`
  await Promise.all([lookUp(id), refresh()])
}
