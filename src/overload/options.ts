import type { OptionSpec, OptionTable } from '../core/index.js'

/** What is not given; the tables below and the docs say the same. */
export const overloadDefaults = {
  maxWaitMs: 1_000,
  maxQueue: 1_000,
  maxConcurrent: 1_000,
  graceMs: 100,
  exempt: ['/health', '/healthz', '/livez', '/readyz'],
  limiterDeadlineMs: 5_000,
  offloadDeadlineMs: 30_000,
  offloadQueue: 100,
  idleMs: 10_000,
} as const

const MOST_MS = 2_147_483_647

export const admissionOptionTable: OptionTable = {
  deadlineMs: {
    type: 'number',
    min: 1,
    max: MOST_MS,
    unit: 'ms',
    default: 'twice what a request takes alone, at least `10`',
    doc: 'From when a request comes until it is answered; under overload one that would take longer is refused at once.',
  },
  maxWaitMs: {
    type: 'number',
    min: 1,
    max: MOST_MS,
    unit: 'ms',
    default: '`1_000`',
    doc: 'Nobody waits for longer than this, whatever happens.',
  },
  maxQueue: { type: 'number', min: 1, max: 1_000_000, default: '`1_000`', doc: 'So many wait at most.' },
  maxConcurrent: {
    type: 'number',
    min: 1,
    max: 1_000_000,
    default: '`1_000`',
    doc: 'So many are under way at once at most; what is right below that is found out.',
  },
  graceMs: {
    type: 'number',
    min: 0,
    max: 60_000,
    unit: 'ms',
    default: '`100`',
    doc: 'Requests are refused for their deadline only after all of them have been late for so long: a short burst is waited for.',
  },
  clientHeader: {
    type: 'string',
    default: 'none',
    doc: 'Names whose request it is, such as `x-api-key`. Requests without it count by their address.',
  },
  clientOf: {
    type: 'function',
    default: 'the address of the TCP peer',
    doc: 'Gives whose request it is; undefined for those that share one place.',
  },
  exempt: {
    type: 'array',
    default: '`/health`, `/healthz`, `/livez`, `/readyz`',
    doc: 'Paths that are never queued nor refused; `/internal/*` with all below it.',
  },
}

export const limiterOptionTable: OptionTable = {
  max: {
    type: 'number',
    min: 1,
    max: 10_000,
    default: "two less than libuv's threads, at least `1`",
    doc: 'So many run at once. libuv has 4 threads, or `UV_THREADPOOL_SIZE`.',
  },
  maxQueue: { type: 'number', min: 0, max: 1_000_000, default: '`1_000`', doc: 'So many wait at most.' },
  deadlineMs: {
    type: 'number',
    min: 1,
    max: MOST_MS,
    unit: 'ms',
    default: '`5_000`',
    doc: 'They wait for so long at most.',
  },
}

export const limiterRunOptionTable: OptionTable = {
  signal: { type: 'object', default: 'none', doc: 'Ends waiting.' },
  key: { type: 'string', default: 'one for all', doc: 'Whose it is: keys take turns.' },
}

export const offloadOptionTable: OptionTable = {
  deadlineMs: {
    type: 'number',
    min: 1,
    max: MOST_MS,
    unit: 'ms',
    default: '`30_000`',
    doc: 'From the call to its end, waiting for a thread included; then its thread is ended.',
  },
  pool: { type: 'object', default: "the process's own", doc: 'What `createOffloadPool` gave.' },
}

export const offloadRunOptionTable: OptionTable = {
  deadlineMs: { ...(offloadOptionTable['deadlineMs'] as OptionSpec), default: 'that of the function' },
  signal: {
    type: 'object',
    default: 'none',
    doc: 'Takes a waiting call out of the queue, ends the thread of a running one.',
  },
  transfer: {
    type: 'array',
    default: 'none',
    doc: 'Parameters that are moved and not copied: ArrayBuffers and the like.',
  },
}

export const offloadPoolOptionTable: OptionTable = {
  threads: {
    type: 'number',
    min: 1,
    max: 1_024,
    default: 'one less than the machine has processors for this process, at least `1`',
    doc: 'So many work at once. They are started when they are needed.',
  },
  maxQueue: {
    type: 'number',
    min: 0,
    max: 1_000_000,
    default: '`100`',
    doc: 'So many calls wait for a thread at most.',
  },
  idleMs: {
    type: 'number',
    min: 0,
    max: MOST_MS,
    unit: 'ms',
    default: '`10_000`',
    doc: 'A thread that has had nothing to do for so long ends.',
  },
  maxMemoryMb: {
    type: 'number',
    min: 8,
    max: 1_048_576,
    unit: 'MB',
    default: "V8's own",
    doc: 'Heap of a thread; one that needs more is ended, and its call fails.',
  },
}
