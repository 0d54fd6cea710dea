/** Something that somebody should know. Its kind, statement and subject together are its identity: again, it is the same one. */
export interface Finding {
  kind: FindingKind
  severity: 'info' | 'watch' | 'act'
  /** What it is about, such as an index or a column; `''` where the statement says it all. */
  subject: string
  /** The statement's id; `'0'`: it is about none. */
  statement: string
  /** Where it was seen first; `''`: outside of requests, or not known. */
  route: string
  /** What is wrong, with its figures. No values of the user's. */
  sentence: string
  /** The figures it rests on. No values of the user's. */
  evidence: Readonly<Record<string, unknown>>
  /** A holdfast primitive or plain SQL. */
  fix: string
  /** A command that shows it. */
  prove: string
}

export type FindingKind =
  | 'plan-flip'
  | 'plan-drift'
  | 'row-multiplication'
  | 'shadowed-column'
  | 'unread-columns'
  | 'unbounded-result'
  | 'repeated-statement'
  | 'unused-index'
  | 'duplicate-index'
  | 'invalid-index'
  | 'blocked-loop'
  | 'starved-machine'
  | 'sync-call'
  | 'starved-threadpool'
  | 'starved-pool'
  | 'unhandled-rejection'
  | 'outlived-request'
  | 'clash'

/** Takes what is found; the same finding again only counts. Does not throw, and waits for nothing. */
export type FindingSink = (finding: Finding) => void
