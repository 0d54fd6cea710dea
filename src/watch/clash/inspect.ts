import { validateOptions, type Db } from '../../core/index.js'
import type { WatchVerdict } from '../inspect-types.js'
import { clashFilterTable } from '../options.js'
import { guardTables } from '../sums.js'
import { formatMs } from '../words.js'
import type { ClashesOverview, ClashFilter, FoundClash } from './inspect-types.js'
import { findClash, listClashes, type ClashRow } from './store.js'
import { clashFixes, clashWords } from './to-finding.js'

type Asked = Pick<Db, 'query'>

const MOST_CLASHES = 100
const MOST_SIGNS = 5

export async function readClashes(db: Asked, filter: ClashFilter = {}): Promise<ClashesOverview> {
  validateOptions('watch.inspect', filter, clashFilterTable)
  const { kind = null, protectedToo = false, limit = MOST_CLASHES } = filter
  // One more tells that there are more; counting them all would read them all.
  const rows = await guardTables(async () => await listClashes(db, { kind, protectedToo, limit: limit + 1 }))
  const clashes = rows.slice(0, limit).map(toFound)
  return { verdict: judgeClashes(clashes, rows.length > limit), clashes, isMore: rows.length > limit }
}

export async function readClash(db: Asked, id: string): Promise<FoundClash | undefined> {
  const row = await guardTables(async () => await findClash(db, id))
  return row && toFound(row)
}

/** The columns are what all processes have seen, the detail is the last one's. */
function toFound(row: ClashRow): FoundClash {
  return {
    ...row.detail,
    severity: judge(row),
    protectedBy: row.protected_by,
    overlaps: Number(row.real_overlaps),
    windowMs: row.window_ms,
    requests: Number(row.requests),
    meaning: clashWords[row.detail.kind],
    fix: clashFixes[row.detail.kind],
    replay: row.replay,
    replayedAt: row.replayed_at,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  }
}

function judge({ protected_by: protectedBy, real_overlaps: overlaps, replay }: ClashRow): FoundClash['severity'] {
  if (protectedBy !== null) return 'ok'
  return Number(overlaps) > 0 || replay?.verdict === 'clash' ? 'act' : 'watch'
}

function judgeClashes(clashes: readonly FoundClash[], isMore: boolean): WatchVerdict {
  const open = clashes.filter(({ protectedBy }) => protectedBy === null)
  const [worst, ...others] = open
  if (worst === undefined) return judgeCalm(clashes.length)
  const isMany = isMore && open.length === clashes.length
  const amount = open.length === 1 && !isMany ? '1 pair' : `${isMany ? 'More than ' : ''}${open.length} pairs`
  return {
    severity: open.some(({ severity }) => severity === 'act') ? 'act' : 'watch',
    sentence: `${amount} of requests can collide${open.length === 1 && !isMany ? '' : '; the worst'}: ${describe(worst)}.`,
    fix: worst.fix,
    also: others.slice(0, MOST_SIGNS).map((clash) => `${describe(clash)}.`),
  }
}

function judgeCalm(kept: number): WatchVerdict {
  if (kept === 0) return { severity: 'ok', sentence: 'No pair of requests that can collide was found.', also: [] }
  const pairs = kept === 1 ? '1 pair of requests meets' : `${kept} pairs of requests meet`
  return { severity: 'ok', sentence: `${pairs} at the same rows, and something keeps them apart.`, also: [] }
}

function describe({ kind, table, columns, read, other, overlaps, windowMs }: FoundClash): string {
  const routes = read.route === other.route ? `${read.route} with itself` : `${read.route} and ${other.route}`
  const met = overlaps === 0 ? 'never seen to meet' : `really met ${overlaps === 1 ? 'once' : `${overlaps} times`}`
  const cells = columns.length === 0 ? table : `${table} (${columns.join(', ')})`
  return `${kind} in ${cells}, ${routes}, ${met}, open for up to ${formatMs(windowMs)}`
}
