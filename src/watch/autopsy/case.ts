import type { Histogram } from '../../core/index.js'
import type { Facts } from '../plans/plan-types.js'
import type { Window } from '../store.js'
import type { FoundOnset, Moment } from './onset.js'
import type { Part, StatementHalves } from './parts.js'
import type { KnownPlanRow, MomentRow, OutboundRow, SeenFindingRow, SightingSum } from './store.js'
import type { Suspect, SuspectName } from './types.js'

/** A route with an onset, of the windows of one length. */
export interface Patient {
  route: string
  window: Window
  rows: readonly MomentRow[]
  moments: readonly Moment[]
  found: FoundOnset
  at: Date
  before: Part
  after: Part
}

/** All that is known of a route that has become slower. What could not be read is undefined. */
export interface Case {
  route: string
  at: Date
  until: Date
  windowMinutes: 1 | 60
  kind: FoundOnset['kind']
  before: Part
  after: Part
  /** Other routes with enough requests, and whether they became slower at about the same time. */
  others: readonly { route: string; isSlowerToo: boolean }[]
  statements: readonly StatementHalves[] | undefined
  outbound: readonly OutboundRow[] | undefined
  deploys: readonly { label: string; began_at: Date }[] | undefined
  /** Of the statement that accounts for most of the rise. */
  culprit: Culprit | undefined
}

export interface Culprit {
  statement: StatementHalves
  /** Undefined: its durations could not be read. */
  durations: { before: Histogram; after: Histogram } | undefined
  shapes: readonly SightingSum[] | undefined
  plans: readonly KnownPlanRow[] | undefined
  findings: readonly SeenFindingRow[] | undefined
}

/** Of the rise of a mean request, what a part of it accounts for. Undefined: the mean did not rise. */
export function shareOfRise({ before, after }: Pick<Case, 'before' | 'after'>, beforeMs: number, afterMs: number) {
  const riseMs = meanMs(after) - meanMs(before)
  if (riseMs < 1) return undefined
  const ownMs = afterMs / Math.max(1, after.requests) - beforeMs / Math.max(1, before.requests)
  return Math.min(1, Math.max(0, ownMs / riseMs))
}

export const meanMs = ({ durations, requests }: Part): number => durations.totalMs / Math.max(1, requests)

/** A quarter of the rise is a cause of it; a tenth is none. */
export function judgeShare(share: number | undefined): Suspect['verdict'] {
  if (share === undefined) return 'unknown'
  return share >= 0.25 ? 'guilty' : share < 0.1 ? 'eliminated' : 'unknown'
}

export function accuse(
  suspect: SuspectName,
  verdict: Suspect['verdict'],
  sentence: string,
  figures: Suspect['figures'] = {},
  share: number | null = null,
): Suspect {
  return { suspect, verdict, sentence, figures, share: share === null ? null : Math.round(share * 1_000) / 1_000 }
}

/** What the tables of the culprit were like when each of its plans was last seen; the oldest first. */
export function listFacts({ plans }: Culprit): { facts: Facts; at: Date }[] {
  return (plans ?? [])
    .flatMap(({ facts, last_seen_at: at }) => (facts ? [{ facts, at }] : []))
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
}
