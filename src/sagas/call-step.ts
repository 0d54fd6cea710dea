import { sagasError } from './errors.js'
import { sagaDefaults } from './options.js'
import { describeError, encode } from './payload.js'
import type { Doing } from './records.js'
import { isRetryableCall, planPause } from './retry.js'
import type { Run } from './run.js'
import type { CallContext, CallStep } from './types.js'

/** The key of a step at the other side: the same whoever calls, however often. */
export const keyOf = (run: Run, name: string): string => `${run.id}/${name}`

/** Calls the outside world. That it begins is written before it does: whoever comes after knows that it may have happened. */
export async function runCallStep(run: Run, doing: Doing, isKnown: boolean, step: CallStep<unknown>): Promise<void> {
  await run.ready()
  if (!isKnown) await run.durable()
  await run.pause(doing)
  for (let attempt = (doing.attempt ?? 0) + 1; run.isListening; attempt++) {
    const { seq, name } = doing
    delete doing.until
    run.noteCalled(seq)
    const { timeoutMs = sagaDefaults.stepTimeoutMs } = step
    const context = { key: keyOf(run, name), attempt }
    const result = await run.work.live(attemptCall(run, name, context, timeoutMs, step.do))
    if (run.isOver) return
    if ('output' in result) return void run.tell(seq, { outcome: 'done', output: result.output, attempts: attempt })
    const error = describeError(result.error, name)
    if (step.isRefusal?.(result.error)) {
      if (run.row.isPivoted) return run.stick(error)
      return void run.tell(seq, { outcome: 'refused', error, attempts: attempt })
    }
    // Its saga is being undone: what it did is unknown.
    if (!run.isListening) return
    const defaults = { attempts: sagaDefaults.attempts, isRetryable: isRetryableCall }
    const pauseMs = planPause(step.retry, attempt, result.error, defaults)
    if (pauseMs === undefined) {
      doing.attempt = attempt
      if (run.row.isPivoted) return run.stick(error)
      return void run.tell(seq, { outcome: 'failed', error, attempts: attempt })
    }
    run.noteAttempt(doing, attempt, Math.round(run.host.now() + pauseMs))
    await run.pause(doing)
  }
}

type Attempted = { output: string | undefined } | { error: unknown }

/** One attempt, with a time limit: it need not heed its signal. */
export async function attemptCall<Context extends CallContext>(
  run: Run,
  name: string,
  context: Omit<Context, 'signal'>,
  timeoutMs: number,
  act: (context: Context) => unknown,
): Promise<Attempted> {
  const controller = run.work.openController()
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = sagasError('HF_SAGAS_STEP_TIMEOUT', `Step ${name} took longer than ${timeoutMs} ms.`)
      controller.abort(error)
      reject(error)
    }, timeoutMs)
  })
  try {
    const work = Promise.resolve().then(() => act({ ...context, signal: controller.signal } as unknown as Context))
    const value = await Promise.race([work, timeout])
    return { output: encode(value, `The result of step ${name}`, run.definition.maxBytes) }
  } catch (error) {
    return { error }
  } finally {
    clearTimeout(timer)
    run.work.closeController(controller)
  }
}
