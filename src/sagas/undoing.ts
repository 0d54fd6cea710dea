import { isHoldfastError, readSqlstate } from '../core/index.js'
import { attemptCall, keyOf } from './call-step.js'
import { sagaDefaults } from './options.js'
import { describeError } from './payload.js'
import { planPause } from './retry.js'
import { SHORT_MS } from './pauses.js'
import type { Run } from './run.js'
import type { Undo } from './run-types.js'
import { isUndone, recordStatement } from './store.js'
import { LOST } from './tx-step.js'
import type { UndoContext } from './types.js'

type Undone = { isDone: true; isWritten: boolean } | { isDone: false; error: unknown } | 'gone'

/**
 * Takes back what was done, the last step to begin first. Each undoing is recorded; that it is wanted at all is written
 * before the first one. One that fails for good stops the others, unless their order does not matter.
 */
export async function undoAll(run: Run): Promise<void> {
  if (run.undos.left.length > 0) {
    await run.durable()
    run.row.isDecided = true
    if (!run.isOver) run.host.undoing(run)
  }
  for (const undo of run.undos.left) if (!(await undoOne(run, undo, run.undos.left.length === 1))) return
  if (run.isOver || run.isLeaving || run.row.final) return
  // What is left used up its attempts.
  if (run.undos.left.length > 0) endStuck(run)
  else run.row.endUndoing('compensated')
  run.host.enqueue(run)
}

const mostAttempts = ({ retry }: Undo): number => retry?.attempts ?? sagaDefaults.undoAttempts

/** False: the others are not to be undone now. */
async function undoOne(run: Run, undo: Undo, isLast: boolean): Promise<boolean> {
  while (!run.isOver && !run.isLeaving) {
    undo.attempts++
    const undone = await run.work.live(
      undo.kind === 'tx' ? run.host.gate.pass(async () => await undoTx(run, undo, isLast)) : undoCall(run, undo),
    )
    if (undone === 'gone' || run.isOver) return false
    if (undone.isDone) {
      undo.isOver = true
      if (!undone.isWritten) {
        run.row.outbox.addUndone({ seq: undo.seq, undo: 'done', attempts: undo.attempts, error: null })
        if (!isLast) run.host.enqueue(run)
      }
      return !(undone.isWritten && isLast)
    }
    const goesOn = await noteFailure(run, undo, undone.error)
    if (goesOn !== 'again') return goesOn === 'next'
  }
  return false
}

async function noteFailure(run: Run, undo: Undo, error: unknown): Promise<'again' | 'next' | 'stop'> {
  const known = describeError(error, undo.name)
  run.row.outbox.addUndone({ seq: undo.seq, undo: 'failing', attempts: undo.attempts, error: known })
  const defaults = { attempts: sagaDefaults.undoAttempts, isRetryable: () => true }
  const pauseMs = planPause(undo.retry, undo.attempts, error, defaults)
  if (pauseMs === undefined) {
    // Whatever its attempts: it is not tried again by itself.
    undo.attempts = Math.max(undo.attempts, mostAttempts(undo))
    if (run.definition.undoesOn) return 'next'
    endStuck(run)
  } else if (pauseMs <= SHORT_MS) {
    await run.work.live(new Promise<void>((resolve) => setTimeout(resolve, pauseMs)))
    return 'again'
  } else run.row.endUndoing('compensating', run.host.now() + pauseMs)
  run.host.enqueue(run)
  return 'stop'
}

async function undoCall(run: Run, undo: Undo): Promise<Undone> {
  const doKey = keyOf(run, undo.name)
  const context = { key: `${doKey}/undo`, doKey, attempt: undo.attempts }
  const act = (given: UndoContext) => undo.act(given as never, undo.result as never)
  const result = await attemptCall<UndoContext>(run, undo.name, context, undo.timeoutMs, async (given) => {
    await act(given)
  })
  return 'output' in result ? { isDone: true, isWritten: false } : { isDone: false, error: result.error }
}

async function undoTx(run: Run, undo: Undo, isLast: boolean): Promise<Undone> {
  const { db, owner } = run.host
  let hasTurn = false
  try {
    await db.tx(
      async (tx) => {
        await undo.act(tx as never, undo.result as never)
        const record = { seq: undo.seq, undo: 'done', attempts: undo.attempts, error: null } as const
        const write = await run.takeTurn(() => {
          run.row.outbox.addUndone(record)
          if (isLast && !run.isLeaving) run.row.endUndoing('compensated')
        })
        hasTurn = true
        tx.beforeCommit(recordStatement(owner, write))
      },
      { deadlineMs: undo.timeoutMs, idleMs: undo.timeoutMs },
    )
    run.noteWritten()
    return { isDone: true, isWritten: true }
  } catch (error) {
    if (run.isOver) return 'gone'
    if (readSqlstate(error) === LOST) {
      run.abandon()
      run.host.left(run, 'lost')
      return 'gone'
    }
    if (hasTurn && isHoldfastError(error, 'HF_TX_OUTCOME_UNKNOWN')) {
      const isThere = await isUndone(db, run.id, undo.seq).catch(() => undefined)
      if (isThere) {
        run.noteWritten()
        return { isDone: true, isWritten: true }
      }
      // Nobody can be asked, or it did not happen: whoever reads the saga next finds out.
      run.host.reload(run, run.isCautious)
      return 'gone'
    }
    if (hasTurn) {
      run.row.stay()
      run.row.putBack((record) => 'undo' in record && record.seq === undo.seq)
    }
    return { isDone: false, error }
  }
}

function endStuck(run: Run): void {
  run.row.endUndoing('stuck')
  run.host.logger.error({ saga: run.id, name: run.definition.name }, 'An undo is stuck.')
}
