import type { OptionTable } from '../core/index.js'

/** What is not given; the tables below and the docs say the same. */
export const locksDefaults = { ttlMs: 30_000, waitMs: 10_000, shortTtlMs: 1_000, shortWaitMs: 5_000 } as const

const ttlMs = {
  type: 'number',
  min: 300,
  max: 86_400_000,
  unit: 'ms',
  default: '`30_000`',
  doc: 'The lease: so long after the last heartbeat others may have the lock.',
} as const
const waitMs = {
  type: 'number',
  min: 0,
  max: 2_147_483_647,
  unit: 'ms',
  default: '`10_000`',
  doc: 'It is waited for so long.',
} as const

export const locksOptionTable: OptionTable = {
  ttlMs,
  waitMs,
  name: { type: 'string', default: 'host and process id', doc: 'Names this process in `holdfast.locks_overview`.' },
  backend: {
    type: 'object',
    default: 'the database',
    doc: "Where the queues are: `redisBackend(client)`. Fences and guarded writes are the database's all the same.",
  },
  logger: { type: 'object', default: 'JSON lines on stderr', doc: 'Receives warnings that no caller can be given.' },
}

export const acquireOptionTable: OptionTable = {
  mode: {
    type: 'string',
    values: ['exclusive', 'shared'],
    default: '`exclusive`',
    doc: '`shared` holds beside others that are shared.',
  },
  ttlMs,
  waitMs,
  signal: { type: 'object', default: 'none', doc: 'Ends waiting.' },
  within: {
    type: 'object',
    default: 'the scope of `run`',
    doc: 'The lock that the caller holds while it asks: a circle of waiting is found by it.',
  },
  label: { type: 'string', default: 'none', doc: 'Shown in `holdfast.locks_overview`.' },
}

export const runLockOptionTable: OptionTable = {
  ...acquireOptionTable,
  reentrant: {
    type: 'boolean',
    default: '`false`',
    doc: 'Inside of a scope that holds all of the keys: runs with that lock.',
  },
}

export const shortOptionTable: OptionTable = {
  ttlMs: {
    type: 'number',
    min: 1,
    max: 60_000,
    unit: 'ms',
    default: '`1_000`',
    doc: 'Its connection may do nothing for so long, and on PostgreSQL 17 and later the transaction takes so long at most; then the server ends it.',
  },
  waitMs: { ...waitMs, default: '`5_000`' },
  signal: { type: 'object', default: 'none', doc: 'Ends waiting, and rolls back.' },
}
