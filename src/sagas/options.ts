import type { OptionTable } from '../core/index.js'

/** What is not given; the tables below and the docs say the same. */
export const sagaDefaults = {
  timeoutMs: 604_800_000,
  keepMs: 2_592_000_000,
  maxBytes: 262_144,
  stallMs: 10_000,
  attempts: 5,
  undoAttempts: 10,
  backoffMs: 200,
  maxBackoffMs: 30_000,
  stepTimeoutMs: 30_000,
} as const

const YEAR_MS = 31_536_000_000

export const sagaOptionTable: OptionTable = {
  version: {
    type: 'number',
    min: 1,
    max: 1_000_000,
    default: 'required',
    doc: 'Instances keep the one they began with.',
  },
  input: { type: 'object', default: 'none', doc: 'Any Standard Schema; checked at the start.' },
  timeoutMs: {
    type: 'number',
    min: 1,
    max: 10 * YEAR_MS,
    unit: 'ms',
    default: '`604_800_000`',
    doc: 'From its start; then it is undone, or after the pivot stuck. A week if not given.',
  },
  keepMs: {
    type: 'number',
    min: 0,
    max: 10 * YEAR_MS,
    unit: 'ms',
    default: '`2_592_000_000`',
    doc: 'Kept for so long after its end; 30 days if not given.',
  },
  maxBytes: {
    type: 'number',
    min: 1,
    max: 10_000_000,
    unit: 'bytes',
    default: '`262_144`',
    doc: 'Most bytes of the JSON of its input and of each result.',
  },
  stallMs: {
    type: 'number',
    min: 100,
    max: 3_600_000,
    unit: 'ms',
    default: '`10_000`',
    doc: 'The function may await what is no step for so long, then the saga is stuck.',
  },
  undoesOn: {
    type: 'boolean',
    default: '`false`',
    doc: 'When an undo is stuck, those of earlier steps are done all the same.',
  },
}

export const retryOptionTable: OptionTable = {
  attempts: { type: 'number', min: 1, max: 1_000, default: '`5`, of an undo `10`', doc: 'Runs in all.' },
  backoffMs: {
    type: 'number',
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    default: '`200`',
    doc: 'Pause before the second attempt; each later one is twice as long, plus or minus a quarter.',
  },
  maxBackoffMs: {
    type: 'number',
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    default: '`30_000`',
    doc: 'The longest pause; one above a second is spent parked.',
  },
  isRetryable: {
    type: 'function',
    default: '`error.retryable !== false`',
    doc: 'False ends the attempts at once.',
  },
}

const stepFields: OptionTable = {
  do: { type: 'function', default: 'required', doc: 'What the step does.' },
  undo: { type: 'function', default: 'none', doc: 'What takes it back.' },
  retry: { type: 'object', default: 'see below', doc: 'How often `do` is tried, and when.', fields: retryOptionTable },
  undoRetry: {
    type: 'object',
    default: 'see below',
    doc: 'How often `undo` is tried; then the saga is stuck.',
    fields: retryOptionTable,
  },
  timeoutMs: {
    type: 'number',
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    default: '`30_000`',
    doc: 'Of one attempt; of a tx step its whole transaction.',
  },
}

export const txStepTable: OptionTable = stepFields

export const callStepTable: OptionTable = {
  ...stepFields,
  isRefusal: {
    type: 'function',
    default: 'never',
    doc: 'True: with this error the other side says that it did nothing. Not tried again, and nothing is undone.',
  },
}

export const waitOptionTable: OptionTable = {
  schema: { type: 'object', default: 'none', doc: 'A signal that does not fit it is set aside.' },
  timeoutMs: {
    type: 'number',
    min: 0,
    max: 10 * YEAR_MS,
    unit: 'ms',
    default: 'the saga’s own',
    doc: 'Then HF_SAGAS_WAIT_TIMEOUT is thrown.',
  },
}

export const sagaWorkOptionTable: OptionTable = {
  concurrency: {
    type: 'number',
    min: 1,
    max: 10_000,
    default: '`100`',
    doc: 'Sagas in memory at once; parked ones do not count.',
  },
  leaseMs: {
    type: 'number',
    min: 500,
    max: 3_600_000,
    unit: 'ms',
    default: '`15_000`',
    doc: 'A process that did not renew itself for so long has lost its sagas.',
  },
  pollMs: {
    type: 'number',
    min: 10,
    max: 60_000,
    unit: 'ms',
    default: '`500`',
    doc: 'Looks for due sagas at least this often.',
  },
  graceMs: {
    type: 'number',
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    default: '`5_000`',
    doc: 'stop() lets steps under way end for so long.',
  },
  signal: { type: 'object', default: 'none', doc: 'Aborting it stops the worker.' },
}

export const startOptionTable: OptionTable = {
  id: { type: 'string', default: 'a new UUID', doc: 'The same id starts it once.' },
}

export const resultOptionTable: OptionTable = {
  waitMs: {
    type: 'number',
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    default: '`30_000`',
    doc: 'For so long at most; then HF_SAGAS_PENDING.',
  },
  until: {
    type: 'string',
    values: ['ended', 'decided'],
    default: "`'ended'`",
    doc: "`'decided'`: one that is being undone is waited for no longer; then HF_SAGAS_UNDOING.",
  },
  signal: { type: 'object', default: 'none', doc: 'Aborting it ends the wait.' },
}
