import type { JobQueueRow, JobWorkerRow, Verdict } from './contract.js'

/** A job that waits this long in a queue that nobody paused is waiting for something. */
const slowMs = 60_000

export const notConnected: Verdict = {
  severity: 'watch',
  sentence: 'createHttp was not given jobs, so there is nothing to show here.',
  fix: 'Pass what createJobs() gave you: `createHttp(db, { jobs })`.',
  also: [],
}

interface Sign {
  severity: 'watch' | 'act'
  sentence: string
  fix: string
}

/** Is anything wrong with the queues? What needs somebody now comes first. */
export function judgeJobs(queues: readonly JobQueueRow[], workers: readonly JobWorkerRow[]): Verdict {
  const alive = workers.filter((worker) => worker.isAlive).length
  const signs = [
    ...findNoWorker(queues, alive),
    ...findDeaths(queues),
    ...findSlow(queues, alive),
    ...findPaused(queues),
  ]
  const ranked = [
    ...signs.filter((sign) => sign.severity === 'act'),
    ...signs.filter((sign) => sign.severity === 'watch'),
  ]
  const [first, ...others] = ranked
  if (first === undefined) return { severity: 'ok', sentence: describeCalm(queues, alive), also: [] }
  return { ...first, also: others.map((sign) => sign.sentence) }
}

function findNoWorker(queues: readonly JobQueueRow[], alive: number): Sign[] {
  const oldest = findOldest(queues)
  if (alive > 0 || oldest === undefined) return []
  return [
    {
      severity: 'act',
      sentence: `Jobs wait and no worker is alive: the oldest of ${oldest.name} has waited ${formatAge(oldest.oldestReadyMs)}.`,
      fix: 'Start a process that calls `jobs.work()`.',
    },
  ]
}

/** Only those of the last ten minutes: a dead letter of last week is on the list below, and no news. */
function findDeaths(queues: readonly JobQueueRow[]): Sign[] {
  return queues.flatMap(({ name, minutes }) => {
    const died = minutes.died.slice(-10).reduce((total, count) => total + count, 0)
    if (died === 0) return []
    const what = died === 1 ? '1 job' : `${died.toLocaleString('en-US')} jobs`
    return {
      severity: 'watch' as const,
      sentence: `${what} of ${name} died in the last 10 minutes.`,
      fix: 'Look at the errors below, mend their cause, then redrive.',
    }
  })
}

function findSlow(queues: readonly JobQueueRow[], alive: number): Sign[] {
  const oldest = findOldest(queues)
  if (alive === 0 || oldest === undefined || (oldest.oldestReadyMs ?? 0) < slowMs) return []
  return [
    {
      severity: 'watch',
      sentence: `The oldest ready job of ${oldest.name} has waited ${formatAge(oldest.oldestReadyMs)}.`,
      fix: 'Check that a worker runs this kind of job; if one does, raise `concurrency` or start another.',
    },
  ]
}

function findPaused(queues: readonly JobQueueRow[]): Sign[] {
  return queues
    .filter((queue) => queue.isPaused && queue.oldestReadyMs !== null)
    .map(({ name, oldestReadyMs }) => ({
      severity: 'watch',
      sentence: `${name} is paused and its oldest job has waited ${formatAge(oldestReadyMs)}.`,
      fix: 'Resume it when what it was paused for is over.',
    }))
}

function findOldest(queues: readonly JobQueueRow[]): JobQueueRow | undefined {
  const waiting = queues.filter((queue) => !queue.isPaused && queue.oldestReadyMs !== null)
  return waiting.toSorted((a, b) => (b.oldestReadyMs ?? 0) - (a.oldestReadyMs ?? 0))[0]
}

function describeCalm(queues: readonly JobQueueRow[], alive: number): string {
  if (queues.length === 0) return 'No queue is known yet: createJobs() makes one for each job it is given.'
  const workers = alive === 1 ? '1 worker is alive' : `${alive || 'no'} workers are alive`
  const oldest = findOldest(queues)
  if (oldest === undefined) return `Nothing is wrong: no job waits, ${workers}.`
  return `Nothing is wrong: the oldest ready job has waited ${formatAge(oldest.oldestReadyMs)}, ${workers}.`
}

function formatAge(ms: number | null): string {
  const seconds = Math.round(Math.max(ms ?? 0, 0) / 1_000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60).toLocaleString('en-US')} h`
}
