import type { WatchVerdict } from '../inspect-types.js'
import type { Clash, ClashKind } from './describe.js'

export interface ClashFilter {
  /** Of this kind only. */
  kind?: ClashKind
  /** Pairs that something keeps apart as well, after the others. Default: false. */
  protectedToo?: boolean
  /** Default: 100. */
  limit?: number
}

/** What running the two requests in many orders on a clone has shown. */
export interface ClashReplay {
  verdict: 'clash' | 'none found'
  reason: string
  /** The schedule that fails, as a sequence in text of up to 80 columns; '': none does. */
  diagram: string
  schedules: number
  ms: number
  /** Null: none was tried. */
  fix: { title: string; held: boolean; sql: string } | null
}

/** A pair as all processes together have seen it. */
export interface FoundClash extends Clash {
  /** `act`: requests have really met, or a replay has shown it. `ok`: something keeps them apart. */
  severity: WatchVerdict['severity']
  /** What goes wrong, after the name of the route that reads. */
  meaning: string
  fix: string
  /** Null: nobody has replayed it. */
  replay: ClashReplay | null
  replayedAt: Date | null
  firstSeenAt: Date
  lastSeenAt: Date
}

export interface ClashesOverview {
  verdict: WatchVerdict
  /** Those that nothing protects come first, then those that really met most often, then the longest window. */
  clashes: FoundClash[]
  /** There are more. */
  isMore: boolean
}
