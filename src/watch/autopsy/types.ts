import type { Spread, WatchVerdict } from '../inspect-types.js'

/** What may be behind a route that has become slower. */
export type SuspectName =
  | 'plan'
  | 'more-rows'
  | 'growth'
  | 'statistics'
  | 'more-statements'
  | 'statement'
  | 'pool'
  | 'outbound'
  | 'event-loop'
  | 'cold-starts'
  | 'one-instance'
  | 'own-code'
  | 'errors'
  | 'traffic'
  | 'deploy'
  | 'general-slowdown'
  | 'locks'

export interface Suspect {
  suspect: SuspectName
  /** `unknown`: the figures do not tell, or are missing. Never a guess. */
  verdict: 'guilty' | 'eliminated' | 'unknown'
  /** With the figures that it rests on. No values of the user's. */
  sentence: string
  figures: Readonly<Record<string, number | string | null>>
  /** Of what requests take longer than before, 0 to 1; null: it cannot be told in time. */
  share: number | null
}

export interface Onset {
  /** The first minute, or hour, in which it was slower. */
  at: Date
  /** It is as it was again since then; null: it goes on. */
  endedAt: Date | null
  /** How exactly `at` is known: 1, or 60. */
  minutes: 1 | 60
  /** `rise`: it became slower over many windows, and `at` is the steepest of them. */
  kind: 'jump' | 'rise'
  before: Spread & { requests: number }
  after: Spread & { requests: number }
}

/** What was different from about the onset on. */
export interface Change {
  what: 'plan' | 'deploy' | 'finding' | 'growth' | 'reason' | 'statement'
  sentence: string
  at: Date | null
}

export interface AutopsyFix {
  /** Where it comes from: a finding of watch, an index that was advised and checked, or what helps against such a suspect. */
  from: 'finding' | 'advice' | 'suspect'
  sentence: string
  /** SQL that can be run as it is; null: there is none. */
  ddl: string | null
  /** A command that shows whether it helps. */
  prove: string
}

export interface Autopsy {
  verdict: WatchVerdict
  /** The route that was looked at; null: none was slower. */
  route: string | null
  from: Date
  until: Date
  /** Null: it is as it was, or too little was seen to tell. */
  onset: Onset | null
  /** The guilty ones first, with the largest share of the rise before the others; none without an onset. */
  suspects: Suspect[]
  changes: Change[]
  /** The statement that accounts for most of the rise. */
  statement: { id: string; text: string } | null
  fixes: AutopsyFix[]
  /** Why an index was not advised. */
  refused: string[]
  /** Other routes that became slower in this time, the latest onset first. */
  alsoSlower: { route: string; at: Date; before: number; after: number }[]
  /** What could not be read, and is therefore unknown. */
  missing: string[]
  /** How long it took. @unit ms */
  tookMs: number
}

/** Index advice for a statement without its values. Made elsewhere: it may need an extension, or a sampled copy. */
export type Advise = (statement: string) => Promise<{
  advice: readonly { ddl: string; sentence?: string }[]
  refused: readonly { why: string }[]
}>

export interface AutopsyOptions {
  /** How far it looks back. Default: 86 400 000 ms (a day). */
  sinceMs?: number
  /** The same as a moment; it wins over `sinceMs`. */
  since?: Date
  /** Default: the slowed-down route that costs its users most. */
  route?: string
  signal?: AbortSignal
  /** Whatever is not read by then is unknown. Default: 60 000 ms. */
  deadlineMs?: number
  /** Default: no index is advised. */
  advise?: Advise
}
