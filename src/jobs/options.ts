import type { OptionTable } from '../core/index.js'

/** What is not given; the tables below and the docs say the same. */
export const jobDefaults = {
  attempts: 10,
  backoffMs: 1_000,
  maxBackoffMs: 3_600_000,
  timeoutMs: 300_000,
  maxBytes: 1_048_576,
  perKey: 1,
  sharedCommits: 1,
  batchSize: 100,
  keepMs: 0,
} as const

export const jobOptionTable: OptionTable = {
  handler: { type: 'function', default: 'required', doc: 'What runs the job.' },
  mode: {
    type: 'string',
    values: ['at-least-once', 'transaction', 'batch'],
    default: '`at-least-once`',
    doc: 'How the handler is called: with a job; with a job and its transaction `job.tx`; with many jobs at once.',
  },
  schema: {
    type: 'object',
    default: 'none',
    doc: 'Any Standard Schema; checked when a job is sent and again before it runs.',
  },
  attempts: { type: 'number', min: 1, max: 1_000, default: '`10`', doc: 'Runs in all; then the job is dead.' },
  backoffMs: {
    type: 'number',
    min: 0,
    max: 86_400_000,
    unit: 'ms',
    default: '`1_000`',
    doc: 'Pause before the second attempt; each later one is twice as long, plus or minus a quarter.',
  },
  maxBackoffMs: { type: 'number', min: 0, unit: 'ms', default: '`3_600_000`', doc: 'The longest pause.' },
  isRetryable: {
    type: 'function',
    default: '`error.retryable !== false`',
    doc: 'False sends the job to the dead letters at once.',
  },
  timeoutMs: {
    type: 'number',
    min: 0,
    unit: 'ms',
    default: '`300_000`',
    doc: 'A run may take this long; 0 sets no limit.',
  },
  maxBytes: {
    type: 'number',
    min: 1,
    max: 100_000_000,
    unit: 'bytes',
    default: '`1_048_576`',
    doc: 'Most bytes of a payload’s JSON, and of that of a kept result or a checkpoint.',
  },
  perKey: {
    type: 'number',
    min: 1,
    max: 1_000_000,
    default: '`1`',
    doc: 'Jobs with one `key` that may run at once, in all processes together.',
  },
  sharedCommits: {
    type: 'number',
    min: 1,
    max: 60,
    default: '`1`',
    doc: 'With `mode: "transaction"`: up to so many jobs share a commit, one after the other, a savepoint each.',
  },
  batchSize: {
    type: 'number',
    min: 1,
    max: 1_000,
    default: '`100`',
    doc: 'With `mode: "batch"`: most jobs in one call.',
  },
  keepMs: {
    type: 'number',
    min: 0,
    max: 31_536_000_000,
    unit: 'ms',
    default: '`0`',
    doc: 'A run that has ended is kept for so long, with what its handler returned; 0 keeps nothing. At most a year.',
  },
}

export const sendOptionTable: OptionTable = {
  delayMs: { type: 'number', min: 0, unit: 'ms', default: '`0`', doc: 'Not before this long from now.' },
  runAt: { type: 'object', default: 'now', doc: 'Not before this moment (a Date).' },
  priority: {
    type: 'string',
    values: ['high', 'normal', 'low'],
    default: '`normal`',
    doc: 'What is claimed first; lower ones keep a share of the claims.',
  },
  key: {
    type: 'string',
    default: 'none',
    doc: 'Of the jobs of this name with this key no more run at once than `perKey`; the others wait their turn.',
  },
  uniqueKey: {
    type: 'string',
    default: 'none',
    doc: 'While a job of this name with this key waits or runs, another one is not sent.',
  },
}

export const workOptionTable: OptionTable = {
  concurrency: { type: 'number', min: 1, max: 10_000, default: '`20`', doc: 'Jobs run at once in this worker.' },
  jobs: { type: 'array', default: 'all', doc: 'Only these definitions.' },
  leaseMs: {
    type: 'number',
    min: 500,
    max: 3_600_000,
    unit: 'ms',
    default: '`15_000`',
    doc: 'A worker that did not renew itself for so long has lost its jobs.',
  },
  pollMs: {
    type: 'number',
    min: 10,
    max: 60_000,
    unit: 'ms',
    default: '`1_000`',
    doc: 'Looks for jobs at least this often.',
  },
  graceMs: {
    type: 'number',
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    default: '`10_000`',
    doc: 'stop() lets running handlers go on for so long, then hands their jobs back.',
  },
  signal: { type: 'object', default: 'none', doc: 'Aborting it stops the worker.' },
}

export const watchOptionTable: OptionTable = {
  signal: { type: 'object', default: 'none', doc: 'Aborting it ends the watch.' },
  pollMs: {
    type: 'number',
    min: 50,
    max: 600_000,
    unit: 'ms',
    default: '`1_000`',
    doc: 'Looks at least this often; a notification makes it look at once.',
  },
  deadlineMs: {
    type: 'number',
    min: 0,
    unit: 'ms',
    default: '`3_600_000`',
    doc: 'Watches for so long at most; 0 sets no limit.',
  },
}

export const redriveOptionTable: OptionTable = {
  from: {
    type: 'string',
    values: ['dead', 'succeeded'],
    default: '`dead`',
    doc: 'Dead letters, or kept runs that succeeded wrongly.',
  },
  name: { type: 'string', default: 'all', doc: 'Jobs of this name.' },
  ids: { type: 'array', default: 'all', doc: 'Only these.' },
  contains: { type: 'object', default: 'all', doc: 'Payloads that contain this JSON.' },
  after: { type: 'string', default: '`0`', doc: 'Ids after this one.' },
  limit: { type: 'number', min: 1, default: '`1_000`', doc: 'Looks at so many at most.' },
  perSecond: {
    type: 'number',
    min: 0.01,
    max: 100_000,
    default: 'no limit',
    doc: 'Sends at most so many in a second.',
  },
  signal: { type: 'object', default: 'none', doc: 'Aborting it ends it between two statements.' },
}
