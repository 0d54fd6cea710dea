import type { OptionTable } from '../core/index.js'

const url = { type: 'string', default: 'required', doc: 'The database. It is cloned, and never written.' } as const
const invariants = {
  type: 'array',
  default: 'none',
  doc: 'Must hold after each schedule where both orders keep them.',
} as const
const signal = { type: 'object', default: 'none', doc: 'Ends it.' } as const

export const clashLabOptionTable: OptionTable = {
  url,
  open: { type: 'function', default: 'required', doc: 'Opens the application on the URL of the clone.' },
  close: { type: 'function', default: '`close`, `end` or `destroy`', doc: 'Ends what `open` began.' },
  drivers: {
    type: 'array',
    default: 'the `pg` of holdfast',
    doc: 'The modules whose statements are stopped, of the copy that the application uses: `pg`, `postgres` or an `sql` of it.',
  },
  clone: {
    type: 'boolean',
    default: '`true`',
    doc: 'False: on this database itself, a test’s own; everything is undone after each schedule.',
  },
  invariants,
}

export const appLabOptionTable: OptionTable = {
  url,
  command: { type: 'string', default: 'required', doc: 'Starts the application, as in a shell.' },
  port: { type: 'number', min: 1, max: 65_535, default: 'it tells', doc: 'Where it listens.' },
  startMs: { type: 'number', min: 100, max: 600_000, unit: 'ms', default: '`30_000`', doc: 'It has to listen within.' },
  invariants,
  signal,
}

export const replayOptionTable: OptionTable = {
  fix: { type: 'object', default: 'none', doc: 'Changes that are tried at the gate.' },
  preemptions: {
    type: 'number',
    min: 1,
    max: 10,
    default: '`2`',
    doc: 'How often a schedule may turn from one request to the other before it has to.',
  },
  maxSchedules: { type: 'number', min: 1, max: 1_000_000, default: '`400`', doc: 'At most so many are run.' },
  exhaustive: { type: 'boolean', default: '`false`', doc: 'All interleavings, as far as `maxSchedules` go.' },
  comparesBodies: { type: 'boolean', default: '`false`', doc: 'The bodies of the answers count as well.' },
  deadlineMs: { type: 'number', min: 1, max: 3_600_000, unit: 'ms', default: '`60_000`', doc: 'Of the whole replay.' },
  signal,
}
