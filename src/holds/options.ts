import type { OptionTable } from '../core/index.js'

/** What is not given; the table below and the docs say the same. */
export const holdsDefaults = { ttlMs: 600_000, waitMs: 1_000 } as const

export const holdsOptionTable: OptionTable = {
  from: { type: 'array', default: 'required', doc: 'What can be held: `defineStock` and `defineUnits`.' },
  logger: { type: 'object', default: 'JSON lines on stderr', doc: 'Receives warnings that no caller can be given.' },
}

export const holdOptionTable: OptionTable = {
  ttlMs: {
    type: 'number',
    min: 1,
    unit: 'ms',
    default: '`600_000`',
    doc: 'It is held for so long, then it comes back by itself.',
  },
  key: { type: 'string', default: 'none', doc: 'The same hold for the same key, however often it is asked for.' },
  owner: { type: 'string', default: 'none', doc: 'Only who gives the same one confirms or releases it.' },
  waitMs: {
    type: 'number',
    min: 0,
    unit: 'ms',
    default: '`1_000`',
    doc: 'Units that somebody else is just taking are waited for so long.',
  },
  signal: { type: 'object', default: 'none', doc: 'Ends waiting.' },
}

export const confirmOptionTable: OptionTable = {
  owner: { type: 'string', default: 'none', doc: 'The one that the hold was made with.' },
}

export const extendOptionTable: OptionTable = {
  ...confirmOptionTable,
  ttlMs: { type: 'number', min: 1, unit: 'ms', default: '`600_000`', doc: 'Held for so long from now on.' },
}

export const releaseOptionTable: OptionTable = {
  ...confirmOptionTable,
  confirmed: { type: 'boolean', default: '`false`', doc: 'Confirmed ones too: a refund.' },
}
