import type { Finding } from '../findings.js'
import type { Statement } from '../parser.js'
import { findReasons, formatBytes, type Reason } from './reasons.js'
import type { Drift, Flip } from './statement-plans.js'
import type { Facts } from './plan-types.js'
import { cut, formatMs } from '../words.js'

interface Where {
  statement: Statement
  route: string
  /** A read of the same rows was explained. */
  isReadInstead: boolean
}

export function describeFlip(flip: Flip, now: Facts | undefined, { statement, route, isReadInstead }: Where): Finding {
  const { before, after, regression, beforeMs, afterMs, isSameValues, executions } = flip
  const reasons = findReasons(flip, before.facts, now)
  const ratio = beforeMs === null ? regression.costRatio : afterMs / Math.max(beforeMs, 0.01)
  const [lost] = regression.lost
  const what = lost
    ? `no longer finds ${lost.relation} by ${lost.index}, but ${lost.now === 'seq' ? 'reads all of it' : 'walks along another index'}`
    : 'has another plan'
  const why =
    reasons.length > 0
      ? `: ${reasons
          .slice(0, 2)
          .map(({ sentence }) => sentence)
          .join('; ')}`
      : ''
  const expected = `the planner would expect to do 1/${Math.round(regression.costRatio)} of it with the values`
  const times =
    beforeMs === null
      ? `${formatMs(afterMs)}, and ${expected}`
      : `${formatMs(beforeMs)} before, ${formatMs(afterMs)} now`
  return {
    kind: 'plan-flip',
    severity: ratio >= 2 && afterMs >= 20 ? 'act' : 'watch',
    subject: after.shape.id,
    statement: statement.id,
    route,
    sentence: `${cut(statement.text)} ${what} (${times})${why}.`,
    evidence: {
      beforeMs: beforeMs === null ? null : round(beforeMs),
      afterMs: round(afterMs),
      beforeShape: before.shape.id,
      afterShape: after.shape.id,
      isInferred: after.isInferred,
      isSameValues,
      isReadInstead,
      executionsUntilFound: executions,
      lost: regression.lost,
      costRatio: round(regression.costRatio),
      reasons,
      tables: now ?? {},
    },
    fix: adviseFlip(reasons, statement),
    prove: 'holdfast prove plan-flip',
  }
}

/** Without an index to advise: that comes with its own proof. */
function adviseFlip(reasons: readonly Reason[], { text }: Statement): string {
  const whats = new Set(reasons.map(({ what }) => what))
  if (whats.has('index-invalid')) return 'Drop the invalid index and build it again: `reindex index concurrently …`.'
  if (whats.has('index-gone')) return 'Build the index again, with `create index concurrently`.'
  if (whats.has('generic'))
    return 'Send it without a name, or `set plan_cache_mode = force_custom_plan`; better: two statements for the two cases.'
  if (whats.has('cast')) return 'Cast the value and not the column, or give the parameter the type of the column.'
  if (whats.has('stale'))
    return 'Run `analyze` on the table, and let autovacuum come there more often. Where the plan stays, ask for an index on the page Queries.'
  return `Ask for an index: \`holdfast scan\`, or the page Queries, tries candidates for ${cut(text)}.`
}

export function describeDrift(
  { known, beforeMs, afterMs, share, costRatio }: Drift,
  now: Facts | undefined,
  { statement, route }: Where,
): Finding {
  const growth = known && now && known.facts ? listGrowth(known.facts, now) : []
  const percentile = `P${Math.round(share * 100)}`
  const why = growth.length > 0 ? `: ${growth.join('; ')}` : ''
  return {
    kind: 'plan-drift',
    severity: afterMs >= beforeMs * 4 && afterMs >= 50 ? 'act' : 'watch',
    subject: '',
    statement: statement.id,
    route,
    sentence: `${cut(statement.text)} has the plan it had, and ${percentile} is ${formatMs(afterMs)} where it was ${formatMs(beforeMs)}${why}.`,
    evidence: {
      percentile,
      beforeMs: round(beforeMs),
      afterMs: round(afterMs),
      shape: known?.shape.id ?? null,
      costRatio: round(costRatio),
      tables: now ?? {},
    },
    fix: 'Ask for an index (page Queries), a smaller result, or a partition: the work grows with the table.',
    prove: 'holdfast prove plan-flip',
  }
}

export function listGrowth(before: Facts, now: Facts): string[] {
  return Object.entries(now).flatMap(([relation, { bytes }]) => {
    const earlier = before[relation]?.bytes
    if (earlier === undefined || bytes < earlier * 1.1 + 8_192) return []
    return [`${relation} grew from ${formatBytes(earlier)} to ${formatBytes(bytes)}`]
  })
}

const round = (value: number): number => Math.round(value * 100) / 100
