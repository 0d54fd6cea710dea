import type { Finding } from '../findings.js'
import type { Clash, ClashKind } from './describe.js'

/** What goes wrong, after the name of a route. */
export const clashWords: Readonly<Record<ClashKind, string>> = {
  'lost update': 'reads a row, computes, and writes what it computed: of two at once the first one’s change is lost',
  'check then update': 'reads a row, decides, and writes: two at once both decide on what was there before',
  'check then insert': 'looks whether a row is there and inserts it: two at once both find none',
  'get or create': 'looks for a row and makes it: two at once both make one',
  'write skew': 'reads some rows, decides, and writes another: two at once do not see each other’s',
  queue: 'picks a row and takes it: two at once pick the same one',
  'replaced set': 'clears rows and fills them in anew: two at once keep both fillings',
  'number drawn by reading': 'takes the next number from what is there: two at once take the same one',
}

export const clashFixes: Readonly<Record<ClashKind, string>> = {
  'lost update':
    'Let the statement compute (`set n = n - $1 where n >= $1`), or read the row with FOR UPDATE in the transaction of the write.',
  'check then update':
    'Put what is checked into the WHERE of the write and look at the number of rows, or read the row with FOR UPDATE in the same transaction.',
  'check then insert': 'A unique index over the columns that are checked, and INSERT … ON CONFLICT.',
  'get or create': 'A unique index, and INSERT … ON CONFLICT … RETURNING.',
  'write skew':
    'Lock the row that all of them share (the parent) with FOR UPDATE first, or SERIALIZABLE with a retry: `db.tx({ isolation: "serializable" })`.',
  queue: 'SELECT … FOR UPDATE SKIP LOCKED, in the transaction of the write; or `holdfast/jobs`.',
  'replaced set': 'Lock the parent row with FOR UPDATE first, in the same transaction.',
  'number drawn by reading':
    'A unique index over the number, and a retry; or a counter row: `update … set n = n + 1 returning n`.',
}

/** No values: routes, lines, tables and columns. */
export function toFinding(clash: Clash): Finding {
  const { kind, read, write, other, table, overlaps, windowMs, inVain, id } = clash
  const routes = read.route === other.route ? read.route : `${read.route} and ${other.route}`
  const real = overlaps === 0 ? '' : ` ${overlaps} such requests were under way with the same row at once.`
  const vain = inVain.length === 0 ? '' : ` There is, and does not help: ${inVain.join('; ')}.`
  return {
    kind: 'clash',
    severity: overlaps > 0 ? 'act' : 'watch',
    subject: `${table}: ${routes}`,
    statement: write.statement,
    route: read.route,
    sentence: `${kind}: ${read.route}${at(read.site)} ${clashWords[kind]} (${table}${other.route === read.route ? '' : `, changed by ${other.route}${at(other.site)}`}). The window was open for up to ${windowMs.toFixed(1)} ms.${real}${vain}`,
    evidence: { ...clash, realOverlap: undefined },
    fix: clashFixes[kind],
    prove: `holdfast clash replay ${id}`,
  }
}

const at = (site: string): string => (site === '' ? '' : ` (${site})`)
