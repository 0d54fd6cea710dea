import type { OptionTable } from './options.js'

const day = 86_400_000

export const poolOptionTable = {
  max: { type: 'number', min: 1, max: 10_000, default: '10', doc: 'Most connections held at once.' },
  idleMs: {
    type: 'number',
    min: 0,
    max: day,
    unit: 'ms',
    default: '30 000',
    doc: 'An idle connection is closed after this long; 0 keeps it for ever.',
  },
  connectMs: {
    type: 'number',
    min: 1,
    max: day,
    unit: 'ms',
    default: '5 000',
    doc: 'Making one connection (TCP, TLS, login) may take this long.',
  },
} satisfies OptionTable

export const connectOptionTable = {
  url: {
    type: 'string',
    default: '`DATABASE_URL`, else the embedded PostgreSQL (development only)',
    doc: 'The database, through a pooler if there is one.',
  },
  directUrl: {
    type: 'string',
    default: '`url`; `DATABASE_DIRECT_URL` where the url comes from `DATABASE_URL`',
    doc: 'The same database past any pooler, for LISTEN and migrations.',
  },
  hosts: {
    type: 'array',
    default: 'the host of `url`',
    doc: 'Servers of one cluster as `host:port`, in order of preference; they replace host and port of `url`, which still gives user, password and database. A host without a port has the one of `url`.',
  },
  role: {
    type: 'string',
    values: ['primary', 'standby', 'any'],
    default: '`primary` with `hosts`; without `hosts` nothing is checked',
    doc: 'Which of them may be used: `primary` (writable), `standby` or `any`.',
  },
  pool: {
    type: 'object',
    default: 'a pool of ours',
    doc: 'A `pg.Pool` of yours, or settings for the one holdfast makes.',
  },
  acquireMs: {
    type: 'number',
    min: 1,
    max: day,
    unit: 'ms',
    default: '5 000',
    doc: 'A caller waits this long for a free connection, then gets `HF_POOL_TIMEOUT`.',
  },
  deadlineMs: {
    type: 'number',
    min: 0,
    max: day,
    unit: 'ms',
    default: '30 000',
    doc: 'A statement may run this long, then it is cancelled on the server; 0 sets no limit.',
  },
  txDeadlineMs: {
    type: 'number',
    min: 0,
    max: day,
    unit: 'ms',
    default: '60 000',
    doc: 'A whole transaction may take this long, its callback included; 0 sets no limit.',
  },
  nested: {
    type: 'string',
    default: '`throw` with NODE_ENV=test, else `report`',
    doc: 'What happens when a second connection is asked for from inside a transaction: `throw`, `report` to the logger once per pair of lines, or `off`. A deadlock is broken in any case.',
  },
  heartbeatMs: {
    type: 'number',
    min: 0,
    max: 600_000,
    unit: 'ms',
    default: '5 000',
    doc: 'This process tells the database at least this often that it lives; one silent for three of them no longer holds back a contract migration. 0 turns it off: then none waits for this process.',
  },
  applicationName: { type: 'string', default: '`holdfast`', doc: 'Shown in `pg_stat_activity`.' },
  logger: {
    type: 'object',
    default: 'JSON lines on stderr, warnings and errors only',
    doc: 'Receives what no caller can be given; pino fits.',
  },
} satisfies OptionTable

export const queryOptionTable = {
  signal: { type: 'object', default: 'none', doc: 'Aborting it cancels the statement on the server.' },
  deadlineMs: {
    type: 'number',
    min: 0,
    max: day,
    unit: 'ms',
    default: 'the connection’s `deadlineMs`',
    doc: 'Replaces the connection’s deadline for this statement; 0 sets no limit.',
  },
  name: { type: 'string', default: 'none', doc: 'Prepares the statement under this name once per connection.' },
} satisfies OptionTable

export const txOptionTable = {
  isolation: {
    type: 'string',
    values: ['read committed', 'repeatable read', 'serializable'],
    default: 'the server’s',
    doc: '`read committed`, `repeatable read` or `serializable`.',
  },
  repeatable: {
    type: 'boolean',
    default: 'false',
    doc: 'The body has no effect outside the database and may run again; only then are 40001 and 40P01 retried.',
  },
  retries: { type: 'number', min: 0, max: 100, default: '5', doc: 'How often a repeatable body is run again.' },
  deadlineMs: {
    type: 'number',
    min: 0,
    max: day,
    unit: 'ms',
    default: 'the connection’s `txDeadlineMs`',
    doc: 'The whole transaction, retries included; 0 sets no limit.',
  },
  signal: {
    type: 'object',
    default: 'none',
    doc: 'Aborting it cancels the running statement and rolls back; a COMMIT in flight is never cancelled.',
  },
  idleMs: {
    type: 'number',
    min: 0,
    max: day,
    unit: 'ms',
    default: 'the server’s',
    doc: 'The server ends a transaction that stands idle for so long, with its locks; 0 leaves it to the server.',
  },
  readOnly: { type: 'boolean', default: 'false', doc: 'The server refuses writes.' },
} satisfies OptionTable
