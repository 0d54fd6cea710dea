import type { OptionTable } from '../core/index.js'

/** What is not given; the tables below and the docs say the same. */
export const idempotencyDefaults = {
  ttlMs: 86_400_000,
  waitMs: 5_000,
  maxBytes: 262_144,
  maxRequestBytes: 1_048_576,
  keepMs: 2_592_000_000,
} as const

const keepOptions: OptionTable = {
  ttlMs: {
    type: 'number',
    min: 1,
    unit: 'ms',
    default: '`86_400_000`',
    doc: 'An answer is kept for so long; then its key is as good as new.',
  },
  waitMs: {
    type: 'number',
    min: 0,
    unit: 'ms',
    default: '`5_000`',
    doc: 'A twin that is under way is waited for so long, holding no connection; 0: not at all.',
  },
  maxBytes: { type: 'number', min: 0, unit: 'bytes', default: '`262_144`', doc: 'Most bytes of an answer.' },
}

export const idempotencyOptionTable: OptionTable = {
  ...keepOptions,
  logger: { type: 'object', default: 'JSON lines on stderr', doc: 'Receives warnings that no caller can be given.' },
}

export const runOptionTable: OptionTable = {
  ...keepOptions,
  signal: { type: 'object', default: 'none', doc: 'Ends waiting, and rolls the effect back.' },
  deadlineMs: {
    type: 'number',
    min: 0,
    unit: 'ms',
    default: 'the connection’s `txDeadlineMs`',
    doc: 'The whole transaction of the effect; 0 sets no limit.',
  },
}

export const httpRuleTable: OptionTable = {
  ...runOptionTable,
  principal: { type: 'string', default: 'required', doc: 'Whose keys these are; `""`: one space of keys for all.' },
  route: { type: 'string', default: 'method and path', doc: 'The route as the router knows it.' },
  isRequired: {
    type: 'boolean',
    default: '`true`',
    doc: 'Without a key: true refuses the request, false runs the effect without keeping its answer.',
  },
  stores: {
    type: 'function',
    default: '`status < 400`',
    doc: 'Which answers are stored and their effects committed; what others did is rolled back.',
  },
  maxRequestBytes: {
    type: 'number',
    min: 0,
    unit: 'bytes',
    default: '`1_048_576`',
    doc: 'Most bytes of the request’s body.',
  },
}

export const messageOptionTable: OptionTable = {
  source: { type: 'string', default: 'required', doc: 'Who sent the message.' },
  id: { type: 'string', default: 'required', doc: 'The sender’s id for it.' },
  body: { type: 'string', default: 'not compared', doc: 'Its text: another one under the same id is refused.' },
  keepMs: {
    type: 'number',
    min: 1,
    unit: 'ms',
    default: '`2_592_000_000`',
    doc: 'For so long it is known as received: longer than the sender may repeat it.',
  },
}
