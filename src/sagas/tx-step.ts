import { setTimeout as sleep } from 'node:timers/promises'
import { isHoldfastError, readSqlstate, type Tx } from '../core/index.js'
import { sagaDefaults } from './options.js'
import { describeError, encode } from './payload.js'
import type { Doing } from './records.js'
import { isTransient, planPause } from './retry.js'
import type { Run } from './run.js'
import { isRecorded, recordStatement } from './store.js'
import type { TxStep } from './types.js'

/** Raised by the record of a saga that is in other hands. */
export const LOST = 'HF041'
const ASK_AGAIN_MS = 200

/** Rolls a step back whose saga was told to end meanwhile. */
class Stopped extends Error {}

/**
 * SQL of the user and the record that it has happened, in one commit. The function is told the result before that commit:
 * what it does next, or that it ends, is known by then and travels in the same flight. Should the commit fail, that function
 * is given up, and called anew without the step.
 */
export async function runTxStep(run: Run, doing: Doing, step: TxStep<unknown>): Promise<void> {
  const { seq, name } = doing
  await run.ready()
  for (let attempt = 1; run.isListening; attempt++) {
    const { timeoutMs = sagaDefaults.stepTimeoutMs } = step
    const commit = async () => await commitStep(run, doing, step, attempt, timeoutMs)
    const tried = await run.work.live(run.host.gate.pass(commit))
    if (run.isOver || tried === 'committed' || tried === 'stopped') return
    const { error } = tried
    const defaults = { attempts: sagaDefaults.attempts, isRetryable: isTransient }
    const pauseMs = planPause(step.retry, attempt, error, defaults)
    if (pauseMs !== undefined) {
      doing.until = Math.round(run.host.now() + pauseMs)
      await run.pause(doing)
      delete doing.until
      continue
    }
    if (run.row.isPivoted) return run.stick(describeError(error, name))
    return void run.tell(seq, { outcome: 'failed', error: describeError(error, name), attempts: attempt })
  }
}

type Tried = 'committed' | 'stopped' | { error: unknown }

async function commitStep(
  run: Run,
  doing: Doing,
  step: TxStep<unknown>,
  attempt: number,
  timeoutMs: number,
): Promise<Tried> {
  if (!run.mayCommit) return 'stopped'
  const { host } = run
  const controller = run.work.openController()
  const { seq } = doing
  let [isQueued, hasTurn] = [false, false]
  try {
    await host.db.tx(
      async (tx) => {
        const value = await step.do(tx)
        const output = encode(value, `The result of step ${doing.name}`, run.definition.maxBytes)
        if (!run.mayCommit) throw new Stopped()
        const ending = { outcome: 'done', output, attempts: attempt } as const
        if (run.isCautious) return await holdForCommit(run, tx, seq, ending, () => (hasTurn = true))
        isQueued = true
        await run.tell(seq, ending, true)
        if (run.isOver) throw new Stopped()
        const write = await run.takeTurn()
        hasTurn = true
        tx.beforeCommit(recordStatement(host.owner, write))
      },
      { deadlineMs: timeoutMs, idleMs: timeoutMs, signal: controller.signal },
    )
    run.noteWritten()
    if (isQueued) run.closeCommit()
    else run.releaseHold()
    return 'committed'
  } catch (error) {
    if (run.isOver) return 'stopped'
    if (isHoldfastError(error, 'HF_TX_OUTCOME_UNKNOWN') && hasTurn) return await askWhatCame(run, seq, isQueued)
    if (readSqlstate(error) === LOST) return giveUp(run)
    // The function has gone on with what is not so: it is called anew.
    if (isQueued && !run.untell(seq)) {
      host.reload(run, true)
      return 'stopped'
    }
    if (hasTurn) run.undoHold()
    return error instanceof Stopped ? 'stopped' : { error }
  } finally {
    run.work.closeController(controller)
  }
}

/** The careful way: nobody is told before the commit. */
async function holdForCommit(
  run: Run,
  tx: Tx,
  seq: number,
  ending: { outcome: 'done'; output: string | undefined; attempts: number },
  onTurn: () => void,
): Promise<void> {
  const write = await run.holdFor(seq, ending)
  onTurn()
  tx.beforeCommit(recordStatement(run.host.owner, write))
}

function giveUp(run: Run): 'stopped' {
  run.abandon()
  run.host.left(run, 'lost')
  return 'stopped'
}

/** Nobody saw the answer to COMMIT: the record tells, once the database can be asked. */
async function askWhatCame(run: Run, seq: number, isQueued: boolean): Promise<Tried> {
  while (!run.isOver) {
    try {
      if (!(await isRecorded(run.host.db, run.id, seq))) break
      run.noteWritten()
      if (isQueued) run.closeCommit()
      else run.releaseHold()
      return 'committed'
    } catch {
      await sleep(ASK_AGAIN_MS)
    }
  }
  if (!run.isOver) run.host.reload(run, true)
  return 'stopped'
}
