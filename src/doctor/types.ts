export type Severity = 'info' | 'watch' | 'act'

export type RuleId =
  | 'doctor/sync-in-request'
  | 'doctor/sync-over-async'
  | 'doctor/busy-loop'
  | 'doctor/floating-promise'
  | 'doctor/misused-promise'
  | 'doctor/lost-update'
  | 'doctor/network-in-tx'
  | 'doctor/pool-in-tx'
  | 'doctor/await-in-loop'
  | 'doctor/layering'

/** One step of the way from a route to what was found. */
export interface ChainStep {
  label: string
  file: string
  line: number
  column: number
  /** The call was matched by its name alone: nothing tells the type of what it is called on. */
  isGuess: boolean
}

/** Something in the source that somebody should know. */
export interface SourceFinding {
  /** The same in every run while rule, file, enclosing function and code stay the same, wherever the line moves. */
  id: string
  rule: RuleId
  severity: Severity
  /** Relative to the working directory where that holds it, else to the repository; with slashes. */
  file: string
  /** From 1. */
  line: number
  /** From 1. */
  column: number
  /** Routes that reach it, the nearest first; none: not reached from a request, or not known. */
  routes: string[]
  /** From the route to the place; empty where no route is known. */
  chain: ChainStep[]
  /** What is wrong, with its figures. */
  sentence: string
  /** A holdfast primitive, or what Node has for it. */
  fix: string
  /** Where the docs explain the rule. */
  docs: string
  /** What was seen while it ran; undefined: nothing yet. */
  evidence?: RunTimeEvidence
}

/** A finding of `holdfast/watch` about a place: `subject` is `path:line`. */
export interface RunTimeEvidence {
  kind: string
  subject: string
  sentence: string
  route: string
}

export interface ScanFigures {
  files: number
  routes: number
  /** Routes, middleware, hooks: where a request enters. */
  entries: number
  /** Functions that a request reaches. */
  reached: number
  /** Calls in them. */
  calls: number
  /** Of these, calls whose function, package or built-in is known. */
  resolvedCalls: number
  /** Findings that a comment in the source silences. */
  suppressed: number
  seconds: number
}

export interface ScanReport {
  /** The folder or file, as it was given. */
  target: string
  findings: SourceFinding[]
  figures: ScanFigures
  /** Silencing comments that cannot be followed, such as one without a reason. */
  complaints: string[]
}

export interface LayerFolders {
  routes: readonly string[]
  services: readonly string[]
  repositories: readonly string[]
}

export interface ScanOptions {
  /** A folder, or one file. Relative: to the working directory. */
  target: string
  /** Also sinks that no route is known to reach, as info. Default: false. */
  all?: boolean
  /** Names of folders and files of each layer, such as `routes` for `routes/` and `orders.routes.ts`. */
  layers?: Partial<LayerFolders>
}
