// Where a saga stands, in one sentence: the dashboard and the command line say the same.

import type { SagaDetails, SagaStepView } from './inspect-types.js'
import type { SagaError } from './types.js'

type Known = Omit<SagaDetails, 'sentence'>

/** Also tells what it waits for, and for how long yet. */
export function describeStanding(saga: Known): string {
  const { state, error, startedAt, finishedAt } = saga
  if (state === 'stuck') return describeStuck(saga)
  if (finishedAt !== null) {
    const took = formatAge(finishedAt.getTime() - startedAt.getTime())
    return state === 'done'
      ? `It is done, after ${took}.`
      : `It failed and was undone, after ${took}: ${showError(error)}`
  }
  if (saga.owner !== null) return describeOwned(saga)
  if (saga.dueMs !== null && saga.dueMs >= 0) return describeDue(saga)
  return state === 'compensating' ? describePausedUndo(saga) : describeWait(saga)
}

function describeStuck({ isUndoing, isPivoted, failing, error }: Known): string {
  if (isUndoing && failing !== null) {
    const attempts = failing.attempts === 1 ? '1 attempt' : `${failing.attempts} attempts`
    return `It is stuck in undoing: the undo of ${failing.step} has failed for good after ${attempts}. ${showError(failing.error)}`
  }
  const where = isUndoing
    ? 'in undoing'
    : isPivoted
      ? 'after its pivot, so that it can only go on'
      : 'and waits for a person'
  return `It is stuck ${where}: ${showError(error)}`
}

function describeOwned({ owner, state, steps, isCancelling, nowAt }: Known): string {
  const how = isCancelling ? '; it was told to end' : ''
  if (state === 'compensating') return `${owner} is undoing it.`
  const begun = steps.filter(({ outcome }) => outcome === null)
  const oldest = begun[0]
  if (oldest === undefined) return `${owner} runs it${how}.`
  const more = begun.length > 1 ? ` and ${begun.length - 1} more` : ''
  return `${owner} runs ${oldest.name}${more}, for ${formatAge(nowAt.getTime() - oldest.startedAt.getTime())}${how}.`
}

function describeDue({ dueMs, hasCode, name, version }: Known): string {
  const since = formatAge(dueMs ?? 0)
  if (hasCode) return `It could go on, and no process has taken it for ${since}.`
  return `It could go on for ${since}, and no live process has the code of ${name} v${version}.`
}

function describePausedUndo({ failing, dueMs }: Known): string {
  const when = `in ${formatAge(-(dueMs ?? 0))}`
  if (failing === null) return `It is being undone, and goes on ${when}.`
  return `The undo of ${failing.step} has failed ${failing.attempts === 1 ? 'once' : `${failing.attempts} times`}, and is tried again ${when}. ${showError(failing.error)}`
}

function describeWait({ steps, nowAt }: Known): string {
  const waits = steps.filter(({ outcome }) => outcome === null).map((step) => describeWaitOf(step, nowAt))
  return waits.length === 0 ? 'It waits.' : `It ${waits.slice(0, 3).join(', and ')}${waits.length > 3 ? ' …' : ''}.`
}

function describeWaitOf({ kind, name, until, attempts }: SagaStepView, nowAt: Date): string {
  const left = until === null ? '' : formatAge(until.getTime() - nowAt.getTime())
  if (kind === 'wait') return `waits for the signal ${name}${until === null ? '' : `, for ${left} at most`}`
  if (kind === 'sleep') return `sleeps ${name}, for ${left} yet`
  return `tries ${name} again in ${left}, after ${attempts === 1 ? '1 attempt' : `${attempts} attempts`}`
}

function showError(error: SagaError | null): string {
  if (error === null) return 'no reason is recorded.'
  const message = `${error.name}: ${error.message}`
  return /[.!?]$/.test(message) ? message : `${message}.`
}

/** `40 ms`, `4 s`, `12 min`, `3 h`, `9 d`. */
export function formatAge(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Math.ceil(ms)} ms`
  const seconds = Math.round(Math.max(ms, 0) / 1_000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24).toLocaleString('en-US')} d`
}
