import type { Db } from '../core/index.js'
import type { SagaDetails, SagasInspector, SagasOverview, SagaStepView } from './inspect-types.js'
import { findDetails, listKinds, listWorkers, type DetailsRow, type StepRow } from './inspect-store.js'
import { viewStatus } from './status.js'
import { list } from './store.js'

/** Inputs and outputs are shown up to here. */
const MOST_SHOWN = 2_000

export function makeInspector(db: Db): SagasInspector {
  return {
    overview: async () => await readOverview(db),
    details: async (id) => {
      const row = await findDetails(db, id, MOST_SHOWN)
      return row && viewDetails(row)
    },
    list: async (state, name, limit) => (await list(db, state, name, limit)).map(viewStatus),
  }
}

async function readOverview(db: Db): Promise<SagasOverview> {
  const [kinds, workers] = [await listKinds(db), await listWorkers(db)]
  return {
    kinds: kinds.map(({ oldest_due_ms: oldestDueMs, ...kind }) => ({ ...kind, oldestDueMs })),
    workers: workers.map(({ seen_ms: seenMs, lease_ms: leaseMs, ...worker }) => ({ ...worker, seenMs, leaseMs })),
  }
}

function viewDetails(row: DetailsRow): SagaDetails {
  const begun = row.doing.map(({ seq, name, kind, at, until, attempt = 1 }): SagaStepView => ({
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
  }))
  return {
    ...viewStatus(row),
    input: row.input_text,
    output: row.output_text,
    steps: [...(row.steps ?? []).map(viewStep), ...begun].toSorted((a, b) => a.seq - b.seq),
    actions: (row.actions ?? []).map(({ at, ...action }) => ({ ...action, at: new Date(at) })),
    signals: (row.signals ?? []).map(({ event, sent_at, taken_by }) => ({
      event,
      sentAt: new Date(sent_at),
      isTaken: taken_by !== null,
    })),
    owner: row.instance,
  }
}

function viewStep(step: StepRow): SagaStepView {
  const { seq, name, kind, outcome, attempts, output, error } = step
  const undo = step.undo && {
    state: step.undo,
    attempts: step.undo_attempts,
    at: step.undone_at === null ? null : new Date(step.undone_at),
    error: step.undo_error,
  }
  const [startedAt, endedAt] = [new Date(step.started_at), new Date(step.ended_at)]
  return { seq, name, kind, outcome, attempts, startedAt, endedAt, until: null, output, error, undo }
}
