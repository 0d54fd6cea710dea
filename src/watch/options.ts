import type { OptionTable } from '../core/index.js'

/** What is not given; the tables below and the docs say the same. */
export const watchDefaults = {
  maxSegments: 20,
  maxSeries: 2_000,
  flushMs: 10_000,
  keepMinutesMs: 10_800_000,
  keepHoursMs: 3_024_000_000,
  plans: true,
  shapes: true,
  sampleReads: false,
  blocking: true,
  clash: true,
  clashEveryMs: 10_000,
} as const

export const watchOptionTable: OptionTable = {
  url: {
    type: 'string',
    default: 'the watched database',
    doc: 'Where what is seen is kept, over two connections of its own.',
  },
  segment: {
    type: 'function',
    default: 'none',
    doc: 'A label for each request, such as its tenant’s plan, whose latencies are kept apart. Never a name or an id of a person.',
  },
  maxSegments: {
    type: 'number',
    min: 1,
    max: 1_000,
    default: '`20`',
    doc: 'Different labels; what is beyond is `(overflow)`.',
  },
  maxSeries: {
    type: 'number',
    min: 10,
    max: 100_000,
    default: '`2_000`',
    doc: 'Series of a route and a statement that are kept apart; what is beyond is counted together, by route.',
  },
  flushMs: {
    type: 'number',
    min: 100,
    max: 60_000,
    unit: 'ms',
    default: '`10_000`',
    doc: 'Written at least this often.',
  },
  keepMinutesMs: {
    type: 'number',
    min: 600_000,
    unit: 'ms',
    default: '`10_800_000`',
    doc: 'Minutes are kept for so long.',
  },
  keepHoursMs: {
    type: 'number',
    min: 7_200_000,
    unit: 'ms',
    default: '`3_024_000_000`',
    doc: 'Hours are kept for so long (35 days).',
  },
  plans: {
    type: 'boolean',
    default: '`true`',
    doc: 'Plans of statements are asked for, on one more connection, and watched.',
  },
  shapes: {
    type: 'boolean',
    default: '`true`',
    doc: 'What results look like is watched: rows that a join multiplies, columns that shadow others, results without end.',
  },
  sampleReads: {
    type: 'boolean',
    default: '`false`',
    doc: 'It is noted which columns are read, of one row in a thousand results; its columns are getters until then.',
  },
  blocking: {
    type: 'boolean',
    default: '`true`',
    doc: 'What keeps requests waiting is named with its line and route: a blocked event loop (by a thread beside it), synchronous calls, libuv’s threads, connections held for nothing, promises that nobody awaits.',
  },
  clash: {
    type: 'boolean',
    default: '`true`',
    doc: 'Requests are followed for half a second at a time: what each reads and writes because of it, and which two can collide.',
  },
  clashEveryMs: {
    type: 'number',
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    default: '`10_000`',
    doc: 'So often, on average. 0: always, for development and tests.',
  },
  onFinding: {
    type: 'function',
    default: 'the log and the page alone',
    doc: 'Is given each finding as it is made, and again each hour that it goes on.',
  },
  logger: { type: 'object', default: 'JSON lines on stderr', doc: 'Receives warnings that no caller can be given.' },
}

export const watchFilterTable: OptionTable = {
  until: { type: 'object', default: 'now', doc: 'The window ends then (a Date).' },
  windowMs: {
    type: 'number',
    min: 60_000,
    unit: 'ms',
    default: '`3_600_000`',
    doc: 'Its length; from an hour up it is made of whole hours.',
  },
  compareMs: {
    type: 'number',
    min: 60_000,
    unit: 'ms',
    default: '`86_400_000`',
    doc: 'The same window so long before is looked at too.',
  },
  route: { type: 'string', default: 'all', doc: 'Of this route only.' },
  segment: { type: 'string', default: 'all, each by itself', doc: 'Of this segment only.' },
  limit: {
    type: 'number',
    min: 1,
    max: 1_000,
    default: '`50`',
    doc: 'At most so many, those that took most of the time.',
  },
}

export const findingFilterTable: OptionTable = {
  since: { type: 'object', default: 'a day ago', doc: 'Seen again after that (a Date).' },
  statement: { type: 'string', default: 'all', doc: 'Of the statement with this id only.' },
  limit: { type: 'number', min: 1, max: 1_000, default: '`100`', doc: 'At most so many.' },
}

export const clashFilterTable: OptionTable = {
  kind: { type: 'string', default: 'all', doc: 'Of this kind only, such as `lost update`.' },
  protectedToo: {
    type: 'boolean',
    default: '`false`',
    doc: 'Pairs that something keeps apart as well, after the others.',
  },
  limit: { type: 'number', min: 1, max: 1_000, default: '`100`', doc: 'At most so many.' },
}

export const autopsyOptionTable: OptionTable = {
  sinceMs: {
    type: 'number',
    min: 60_000,
    unit: 'ms',
    default: '`86_400_000`',
    doc: 'How far it looks back.',
  },
  since: { type: 'object', default: 'none', doc: 'The same as a moment (a Date); it wins over `sinceMs`.' },
  route: { type: 'string', default: 'the one that costs its users most', doc: 'The route to look at.' },
  signal: { type: 'object', default: 'none', doc: 'Ends it when it aborts.' },
  deadlineMs: {
    type: 'number',
    min: 100,
    unit: 'ms',
    default: '`60_000`',
    doc: 'Whatever is not read by then is unknown.',
  },
  advise: {
    type: 'function',
    default: 'no index is advised',
    doc: 'Is given the statement that is to blame, and gives indexes for it.',
  },
}

export const profileOptionTable: OptionTable = {
  route: { type: 'string', default: 'the one that used most', doc: 'The route whose functions are listed.' },
  ms: { type: 'number', min: 100, max: 60_000, unit: 'ms', default: '`5_000`', doc: 'So long is it looked at.' },
  intervalMs: {
    type: 'number',
    min: 0.1,
    max: 100,
    unit: 'ms',
    default: '`1`',
    doc: 'Between two looks; shorter ones cost more.',
  },
  limit: {
    type: 'number',
    min: 1,
    max: 1_000,
    default: '`30`',
    doc: 'At most so many functions, those that used most.',
  },
  signal: { type: 'object', default: 'none', doc: 'Ends it early when it aborts: what was seen until then is given.' },
}
