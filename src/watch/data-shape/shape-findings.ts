import type { Finding } from '../findings.js'
import type { DataShape, SourceFigures } from './analyse.js'
import { LARGE_BYTES, LARGE_ROWS, type Growth } from './growth.js'
import type { ColumnReads } from './read-sampler.js'
import type { Shadow } from './result-shape.js'
import type { TableInfo } from './store.js'
import { SUSPICIOUS } from './quick-look.js'

/** What a finding is about. */
export interface Subject {
  statement: string
  route: string
}

export type Tables = ReadonlyMap<number, TableInfo>

const PROVE = 'holdfast prove row-explosion'
const ACT_FACTOR = 3
const ACT_BYTES = 1_048_576
const REPEATS_BYTES = 262_144
const REPEATS_SHARE = 0.5

/** Undefined: nothing to speak of. */
export function describeShape(shape: DataShape, bytes: number, tables: Tables, subject: Subject): Finding | undefined {
  if (shape.factor >= SUSPICIOUS) return describeExplosion(shape, bytes, tables, subject)
  const isWaste = shape.wastedShare >= REPEATS_SHARE && shape.wastedShare * bytes >= REPEATS_BYTES
  return isWaste ? describeRepeatedParents(shape, bytes, tables, subject) : undefined
}

function describeExplosion(shape: DataShape, bytes: number, tables: Tables, subject: Subject): Finding {
  const { factor, rows, children, parent, isCertain, wastedShare } = shape
  const names = children.map((place) => nameSource(shape.sources[place] as SourceFigures, tables))
  const above = parent === undefined ? undefined : nameSource(shape.sources[parent] as SourceFigures, tables)
  const wasted = wastedShare * bytes
  const what =
    names.length === 0
      ? 'Each row comes several times, as a table that nothing is selected from multiplies it'
      : `${listNames(names)} multiply each other${above === undefined ? '' : ` within each row of ${above}`}`
  const severity = factor >= ACT_FACTOR && wasted >= ACT_BYTES ? 'act' : 'watch'
  return {
    kind: 'row-multiplication',
    severity: isCertain ? severity : 'info',
    subject: names.join(' × '),
    ...subject,
    sentence:
      `${isCertain ? '' : 'Possibly: '}${what}: ${rows} rows where ${Math.round(rows / factor)} would do (factor ${roundFactor(factor)}). ` +
      `${percent(wastedShare)} of ${describeBytes(bytes)} are repeats (${listRepeats(shape, tables)}).` +
      (isCertain ? '' : ' Not certain, as a key is missing in the result.'),
    evidence: { ...listEvidence(shape, bytes, tables), children: names, parent: above ?? null },
    fix:
      names.length === 0
        ? 'Where the other table only filters, use exists (select from … where …) instead of a join; where its rows are wanted, load them by a statement of their own.'
        : `Load ${listNames(names)} each by a statement of its own (where the parent’s key = any($1)), or aggregate each in a ` +
          'lateral subquery: left join lateral (select json_agg(…) …) on true. In JSON numerics, bigints and dates are ' +
          'numbers and strings: cast to text what must stay exact.',
    prove: PROVE,
  }
}

function describeRepeatedParents(shape: DataShape, bytes: number, tables: Tables, subject: Subject): Finding {
  const { rows, wastedShare } = shape
  const most = shape.sources.reduce((a, b) => (b.wastedShare > a.wastedShare ? b : a))
  const name = nameSource(most, tables)
  return {
    kind: 'row-multiplication',
    severity: 'info',
    subject: `${name} repeated`,
    ...subject,
    sentence:
      `A row of ${name} comes ${roundFactor(most.repeat)} times among ${rows} rows: ` +
      `${percent(wastedShare)} of ${describeBytes(bytes)} are repeats (${listRepeats(shape, tables)}). Nothing is multiplied: this is a join of parents with children.`,
    evidence: listEvidence(shape, bytes, tables),
    fix: `Select fewer columns of ${name}, or load it by a statement of its own and put the two together by its key.`,
    prove: PROVE,
  }
}

function listEvidence(shape: DataShape, bytes: number, tables: Tables): Record<string, unknown> {
  const { rows, lookedAt, keysLookedAt, factor, error, wastedShare, isCertain } = shape
  return {
    rows,
    factor: round(factor, 3),
    factor_error: Number.isFinite(error) ? round(error, 4) : null,
    wasted_share: round(wastedShare, 3),
    wasted_bytes: Math.round(wastedShare * bytes),
    bytes,
    looked_at: lookedAt,
    keys_looked_at: keysLookedAt,
    is_certain: isCertain,
    tables: shape.sources.map((source) => ({
      table: nameSource(source, tables),
      repeat: round(source.repeat, 2),
      wasted_bytes: Math.round(source.wastedShare * bytes),
      wasted_share: round(source.wastedShare, 3),
    })),
  }
}

export function describeShadows(
  shadows: readonly Shadow[],
  tables: Tables,
  isKeyLost: boolean,
  subject: Subject,
): Finding {
  const each = shadows.map(({ name, lostTableIds, keptTableId }) => {
    const lost = lostTableIds.map((id) => `${nameTable(id, tables)}.${name}`)
    return `${listNames([...new Set(lost)])} (${nameTable(keptTableId, tables)}.${name} is kept)`
  })
  return {
    kind: 'shadowed-column',
    severity: 'watch',
    subject: shadows.map(({ name }) => name).join(', '),
    ...subject,
    sentence:
      `Columns have the same name, and node-postgres keeps the last one’s value in a row: lost ${shadows.length === 1 ? 'is' : 'are'} ${listNames(each)}.` +
      (isKeyLost ? ' A key is among them, so whether rows are multiplied cannot be told.' : ''),
    evidence: {
      columns: shadows.map(({ name, lostTableIds, keptTableId }) => ({
        name,
        lost_from: lostTableIds.map((id) => nameTable(id, tables)),
        kept_from: nameTable(keptTableId, tables),
      })),
    },
    fix: "Name the columns: select o.id as order_id, i.id as item_id, …; or take rows as arrays (rowMode: 'array').",
    prove: PROVE,
  }
}

export function describeGrowth(growth: Growth, subject: Subject): Finding {
  const { mostRows, mostBytes, medianRows, calls, steady } = growth
  const isHuge = mostRows >= 10 * LARGE_ROWS || mostBytes >= 4 * LARGE_BYTES
  const rising =
    steady === undefined
      ? ''
      : ` On average it was ${steady.from} rows and is ${steady.to}, rising for ${Math.round(steady.ms / 60_000)} minutes.`
  return {
    kind: 'unbounded-result',
    severity: isHuge ? 'act' : growth.isLarge ? 'watch' : 'info',
    subject: '',
    ...subject,
    sentence:
      `A statement without a limit brought up to ${mostRows} rows (${describeBytes(mostBytes)}); ` +
      `half of its ${calls} results had at most about ${medianRows}.${rising}`,
    evidence: {
      calls,
      median_rows: medianRows,
      most_rows: mostRows,
      most_bytes: mostBytes,
      ...(steady && { mean_rows_from: steady.from, mean_rows_to: steady.to, over_ms: steady.ms }),
    },
    fix: 'Page by key: where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 100; for a whole table read in batches with a cursor (pg-query-stream).',
    prove: '',
  }
}

export const LEAST_SAMPLES = 20

/** Undefined: all columns were read at some time, or too few results have been looked at. */
export function describeReads(
  { samples, reads }: ColumnReads,
  columns: readonly { name: string; bytes: number }[],
  subject: Subject,
): Finding | undefined {
  if (samples < LEAST_SAMPLES) return undefined
  const unread = columns.filter(({ name }) => !reads.has(name))
  if (unread.length === 0) return undefined
  const sum = (some: readonly { bytes: number }[]) => some.reduce((bytes, each) => bytes + each.bytes, 0)
  const share = sum(columns) === 0 ? 0 : sum(unread) / sum(columns)
  const names = unread.map(({ name }) => name)
  return {
    kind: 'unread-columns',
    severity: share >= REPEATS_SHARE ? 'watch' : 'info',
    subject: names.join(', ').slice(0, 500),
    ...subject,
    sentence:
      `${unread.length} of ${columns.length} columns were read in none of ${samples} sampled results: ` +
      `${listNames(names.slice(0, 10))}${names.length > 10 ? ' and more' : ''}. They are about ${percent(share)} of its bytes.`,
    evidence: { samples, columns: columns.length, unread: names, unread_share: round(share, 3) },
    fix: 'Select the columns that are used; large ones (json, text, bytea) are also read from TOAST for nothing.',
    prove: '',
  }
}

function nameSource({ tableId, alias }: Pick<SourceFigures, 'tableId' | 'alias'>, tables: Tables): string {
  return `${nameTable(tableId, tables)}${alias === 0 ? '' : ` (${alias + 1})`}`
}

function nameTable(tableId: number, tables: Tables): string {
  if (tableId === 0) return '(computed)'
  return tables.get(tableId)?.name ?? `table ${tableId}`
}

function listRepeats({ sources }: DataShape, tables: Tables): string {
  return sources.map((source) => `${nameSource(source, tables)} ×${roundFactor(source.repeat)}`).join(', ')
}

function listNames(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}

function describeBytes(bytes: number): string {
  return bytes < 1_048_576 ? `${Math.round(bytes / 1_024)} kB` : `${round(bytes / 1_048_576, 1)} MB`
}

function roundFactor(factor: number): number {
  return factor < 10 ? round(factor, 1) : Math.round(factor)
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
