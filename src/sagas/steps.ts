import { fitSchema, validateOptions } from '../core/index.js'
import { runCallStep } from './call-step.js'
import { checkName } from './define-saga.js'
import { sagasError } from './errors.js'
import { callStepTable, sagaDefaults, txStepTable, waitOptionTable } from './options.js'
import { describeError, encode } from './payload.js'
import type { Doing, WaitingSignal } from './records.js'
import type { Run } from './run.js'
import { runTxStep } from './tx-step.js'
import type { CallStep, Steps, Stored, TxStep, WaitOptions } from './types.js'

/**
 * Settles never. What the function awaits when it is to go no further: a thrown stop could be caught by its own
 * try/catch, and it would go on as if a step had failed.
 */
async function never<T>(): Promise<T> {
  return await new Promise<T>(() => {})
}

/** What the function of a saga is given. */
export function makeSteps(run: Run): Steps {
  async function tx<T>(name: string, step: TxStep<T>): Promise<Stored<T>> {
    checkStep(name, step, txStepTable)
    const place = run.open('tx', name)
    if (!place) return await never()
    const { doing } = place
    if (step.undo) {
      const { undo: act, undoRetry: retry, timeoutMs = sagaDefaults.stepTimeoutMs } = step
      run.undos.add({ seq: doing.seq, name, kind: 'tx', act, retry, timeoutMs })
    }
    return await run.expect(doing.seq, () => watch(run, name, runTxStep(run, doing, step as TxStep<unknown>)))
  }

  async function call<T>(name: string, step: CallStep<T>): Promise<Stored<T>> {
    checkStep(name, step, callStepTable)
    const place = run.open('call', name)
    if (!place) return await never()
    const { doing, isKnown } = place
    if (step.undo) {
      const { undo: act, undoRetry: retry, timeoutMs = sagaDefaults.stepTimeoutMs } = step
      run.undos.add({ seq: doing.seq, name, kind: 'call', act, retry, timeoutMs })
    }
    return await run.expect(doing.seq, () =>
      watch(run, name, runCallStep(run, doing, isKnown, step as CallStep<unknown>)),
    )
  }

  async function pivot(name = 'pivot'): Promise<void> {
    checkName('A step', name)
    const place = run.open('pivot', name)
    if (!place) return await never()
    const { seq } = place.doing
    await run.expect(seq, () => watch(run, name, passPivot(run, seq)))
  }

  async function sleep(name: string, ms: number): Promise<void> {
    checkName('A step', name)
    if (!Number.isFinite(ms) || ms < 0)
      throw sagasError('HF_SAGAS_NAME', `sleep(name, ms) takes milliseconds from 0, step ${name} has none.`)
    const place = run.open('sleep', name)
    if (!place) return await never()
    const { doing } = place
    await run.expect(doing.seq, () => watch(run, name, passTime(run, doing, ms)))
  }

  async function waitFor<T>(event: string, options: WaitOptions<T> = {}): Promise<T> {
    checkName('An event', event)
    validateOptions('waitFor', options, waitOptionTable)
    const place = run.open('wait', event)
    if (!place) return await never()
    const { doing } = place
    return await run.expect(doing.seq, () => watch(run, event, awaitEvent(run, doing, options as WaitOptions<unknown>)))
  }

  return { id: run.id, tx, call, pivot, sleep, waitFor }
}

/** What the user gave beside `do` (a predicate, a schema) may throw: then nobody knows how to go on. */
function watch(run: Run, name: string, work: Promise<void>): void {
  work.catch((error: unknown) => run.stick(describeError(error, name)))
}

function checkStep(name: string, step: object, table: typeof txStepTable): void {
  checkName('A step', name)
  validateOptions(`step ${name}`, step, table)
  if (!('do' in step)) throw sagasError('HF_SAGAS_NAME', `Step ${name} has no \`do\`.`)
}

async function passPivot(run: Run, seq: number): Promise<void> {
  await run.ready()
  run.row.isPivoted = true
  await run.tell(seq, { outcome: 'done' })
}

async function passTime(run: Run, doing: Doing, ms: number): Promise<void> {
  await run.ready()
  doing.until ??= Math.round(run.host.now() + ms)
  await run.pause(doing)
  if (run.isListening) await run.tell(doing.seq, { outcome: 'done' })
}

async function awaitEvent(run: Run, doing: Doing, { schema, timeoutMs }: WaitOptions<unknown>): Promise<void> {
  await run.ready()
  const { seq, name } = doing
  doing.until ??= timeoutMs === undefined ? run.endsBy : Math.round(run.host.now() + timeoutMs)
  let isOver = false
  let isLooking = false
  let latest: readonly WaitingSignal[] = []
  const look = async () => {
    isLooking = true
    for (let next = find(); next && !isOver && run.isListening; next = find()) {
      latest = latest.filter(({ id }) => id !== next?.id)
      // A schema may take its time: another step that waits for the same event must not take this one meanwhile.
      if (!run.row.inbox.reserve(next)) continue
      // Parked meanwhile, it would count as known, and nobody would ever look at it.
      run.row.stayAwake()
      const fitting = schema ? await run.work.live(fitSchema(schema, next.payload)) : { value: next.payload }
      if (!run.isListening) return
      if ('value' in fitting) {
        isOver = true
        run.row.inbox.take(next, seq)
        return void run.tell(seq, { outcome: 'done', output: encode(fitting.value, `Signal ${name}`, Infinity) })
      }
      run.row.inbox.take(next, 0)
      const fields = { saga: run.id, event: name, paths: fitting.paths }
      run.host.logger.warn(fields, 'A signal does not fit its schema; it was set aside.')
      run.settle()
    }
    isLooking = false
  }
  const find = () => latest.find(({ event }) => event === name)
  run.row.inbox.wait(seq, (signals) => {
    latest = signals
    if (!isLooking && !isOver) watch(run, name, look())
  })
  if (isOver) return
  await run.pause(doing)
  if (isOver || !run.isListening) return
  isOver = true
  if (timeoutMs === undefined) return run.timeOut()
  const error = sagasError('HF_SAGAS_WAIT_TIMEOUT', `Signal ${name} did not come in time.`)
  await run.tell(seq, { outcome: 'failed', error: describeError(error, name) })
}
