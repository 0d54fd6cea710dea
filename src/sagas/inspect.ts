import { isHoldfastError, readSqlstate } from '../core/index.js'
import { describeStanding } from './describe.js'
import type {
  SagaAmount,
  SagaDetails,
  SagaPayload,
  SagaRow,
  SagasInspector,
  SagasOverview,
  SagaStepView,
} from './inspect-types.js'
import * as store from './inspect-store.js'
import { viewStatus } from './status.js'
import { judgeSagas } from './verdict.js'

/** Inputs and outputs are shown up to here. */
const MOST_SHOWN = 2_000
const MOST_COUNTED = 1_000
const MOST_LISTED = 200
/** No such table, schema, function or column, or no right to read it. */
const NOT_THERE = new Set(['42P01', '3F000', '42883', '42703', '42501'])

/** What is wrong with sagas and why, of a database and not of a process: the dashboard, the command line. */
export function inspectSagas(db: store.Asked): SagasInspector {
  return {
    overview: async () => await readOverview(db),
    details: async (id, { withPayload = false } = {}) => {
      // One more than is shown tells whether there is more.
      const row = await store.findDetails(db, id, withPayload ? MOST_SHOWN + 1 : 0)
      return row && viewDetails(row)
    },
    list: async ({ state = 'failing', name, limit = 50 } = {}) =>
      (await store.listSagas(db, state, name ?? null, Math.min(limit, MOST_LISTED))).map(viewRow),
  }
}

async function readOverview(db: store.Asked): Promise<SagasOverview> {
  const facts = await readFacts(db)
  return { verdict: judgeSagas(facts), ...facts }
}

async function readFacts(db: store.Asked): Promise<Omit<SagasOverview, 'verdict'>> {
  try {
    const [kinds, workers] = [await store.listKinds(db), await store.listWorkers(db)]
    return { isInstalled: true, isLate: false, kinds: kinds.map(viewKind), workers: workers.map(viewWorker) }
  } catch (error) {
    const isLate = isHoldfastError(error, 'HF_QUERY_DEADLINE')
    if (!isLate && !NOT_THERE.has(readSqlstate(error) ?? '')) throw error
    return { isInstalled: isLate, isLate, kinds: [], workers: [] }
  }
}

function viewKind({ oldest_due_ms: oldestDueMs, ...row }: store.KindRow): SagasOverview['kinds'][number] {
  const { name, version, workers } = row
  const [running, orphaned, due] = [count(row.running), count(row.orphaned), count(row.due)]
  return {
    name,
    version,
    workers,
    running,
    orphaned,
    due,
    parked: count(row.parked),
    stuck: count(row.stuck),
    oldestDueMs,
  }
}

function viewWorker(row: store.WorkerRow): SagasOverview['workers'][number] {
  const { id, instance, is_alive: isAlive, up_ms: upMs, seen_ms: seenMs, lease_ms: leaseMs } = row
  return { id, instance, isAlive, upMs, seenMs, leaseMs, sagas: count(row.sagas) }
}

function count(amount: number): SagaAmount {
  return { count: Math.min(amount, MOST_COUNTED), isMore: amount > MOST_COUNTED }
}

function viewRow(row: store.ListedRow): SagaRow {
  const { failing_step: step, failing_attempts: attempts, failing_error: error } = row
  return {
    ...viewStatus(row),
    isUndoing: row.is_undoing && row.finished_at === null,
    owner: row.instance,
    dueMs: row.due_ms,
    failing: step === null ? null : { step, attempts: attempts ?? 0, error },
  }
}

function viewDetails(row: store.DetailsRow): SagaDetails {
  const found: Omit<SagaDetails, 'sentence'> = {
    ...viewRow(row),
    hasCode: row.has_code,
    nowAt: row.now_at,
    input: cut(row.input_text),
    output: cut(row.output_text),
    steps: viewSteps(row),
    actions: (row.actions ?? []).map(({ at, ...action }) => ({ ...action, at: new Date(at) })),
    signals: (row.signals ?? []).map(({ event, sent_at, taken_by }) => ({
      event,
      sentAt: new Date(sent_at),
      fate: taken_by === null ? 'waiting' : taken_by === 0 ? 'set-aside' : 'taken',
    })),
  }
  return { ...found, sentence: describeStanding(found) }
}

function cut(text: string | null): SagaPayload | null {
  return text === null ? null : { text: text.slice(0, MOST_SHOWN), isCut: text.length > MOST_SHOWN }
}

function viewSteps({ doing, steps, is_undoing: isUndoing, finished_at: finishedAt }: store.DetailsRow): SagaStepView[] {
  const ended = (steps ?? []).map(viewStep)
  // Undone is the last step to begin first: what lies above the lowest one that was tried has no undo.
  const reached = Math.min(...ended.flatMap(({ seq, undo }) => (undo === null || undo.attempts === 0 ? [] : [seq])))
  const isLeft = isUndoing && finishedAt === null
  for (const step of ended) step.isToUndo = isLeft && step.undo === null && step.seq < reached && mayBeUndone(step)
  return [...ended, ...doing.map(viewDoing)].toSorted((a, b) => a.seq - b.seq)
}

/** As undos.ts has it: a tx step that did not commit, and a call that was refused, have done nothing. */
function mayBeUndone({ kind, outcome }: SagaStepView): boolean {
  return kind === 'call' ? outcome !== 'refused' : kind === 'tx' && outcome === 'done'
}

function viewStep(step: store.StepRow): SagaStepView {
  const { seq, name, kind, outcome, attempts, error } = step
  const undo = step.undo && {
    state: step.undo,
    attempts: step.undo_attempts,
    at: step.undone_at === null ? null : new Date(step.undone_at),
    error: step.undo_error,
  }
  const [startedAt, endedAt, output] = [new Date(step.started_at), new Date(step.ended_at), cut(step.output)]
  return { seq, name, kind, outcome, attempts, startedAt, endedAt, until: null, output, error, undo, isToUndo: false }
}

function viewDoing({ seq, name, kind, at, until, attempt = 1 }: store.DetailsRow['doing'][number]): SagaStepView {
  return {
    seq,
    name,
    kind,
    outcome: null,
    attempts: attempt,
    startedAt: new Date(at),
    endedAt: null,
    until: until === undefined ? null : new Date(until),
    output: null,
    error: null,
    undo: null,
    isToUndo: false,
  }
}
