import { setImmediate as turn } from 'node:timers/promises'
import type { Db, Queryable } from '../core/index.js'
import type { AnyDefinition } from './define-saga.js'
import { sagasError } from './errors.js'
import { Gate } from './gate.js'
import { findHistory } from './inspect-store.js'
import type { Doing, Loaded, RecordedStep } from './records.js'
import { Run } from './run.js'
import type { RunHost } from './run-types.js'
import type { SagaDefinition } from './types.js'

/** What is recorded of a saga: plain data, to be kept in a file beside the tests. */
export interface SagaHistory {
  id: string
  name: string
  version: number
  input: unknown
  isPivoted: boolean
  steps: RecordedStep[]
  doing: Doing[]
}

/** Reads what is recorded of a saga. Undefined: there is none. Inputs and results are in it. */
export async function readHistory(db: Queryable, id: string): Promise<SagaHistory | undefined> {
  return await findHistory(db, id)
}

/**
 * Calls the function of a saga with what is recorded, without any database: it must take the same steps. For tests, to see
 * before a deploy that new code fits what is under way. Nothing is done and nothing undone.
 * @throws HF_SAGAS_CODE_CHANGED with both steps, HF_SAGAS_STALLED
 */
export async function replay(saga: SagaDefinition<never, unknown>, history: SagaHistory): Promise<void> {
  const definition = saga as object as AnyDefinition
  const loaded: Loaded = {
    id: history.id,
    kind: 0,
    fence: 1,
    state: 'running',
    is_undoing: false,
    is_pivoted: history.isPivoted,
    // At the end of the history nothing is begun.
    is_cancelled: true,
    crashes: 0,
    signals: 0,
    doing: history.doing,
    input: history.input,
    error: null,
    ends_by: Infinity,
    steps: history.steps.map((step) => ({ ...step, undo: null, undoAttempts: 0 })),
    waiting: null,
  }
  const run = new Run(nobody, definition, loaded, true, false)
  await run.begin()
  const until = performance.now() + definition.stallMs
  while (run.isReplaying && performance.now() < until) await turn()
  const { error } = run.row
  const isThrough = !run.isReplaying
  run.abandon()
  if (error?.name === 'HF_SAGAS_CODE_CHANGED') throw sagasError('HF_SAGAS_CODE_CHANGED', error.message)
  if (isThrough) return
  const message = `The function of saga ${definition.name} did not come to the end of its history within ${definition.stallMs} ms.`
  throw sagasError('HF_SAGAS_STALLED', message)
}

const ignore = () => {}
const nobody: RunHost = {
  // It is never asked: a saga that is cancelled begins nothing.
  db: undefined as unknown as Db,
  owner: '',
  gate: new Gate(1),
  logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  now: () => 0,
  enqueue: ignore,
  reload: ignore,
  left: ignore,
  undoing: ignore,
  refresh: ignore,
}
