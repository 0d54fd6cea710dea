/** A way of doing the contest's work. Runs in a process of its own, loaded from a module's default export. */
export interface Subject {
  /** Opens what it needs. `lanes` callers will work at once. */
  open(url: string, lanes: number): Promise<Work>
}

export interface Work {
  /** One operation of each metric, by the metric's name. */
  operations: Readonly<Record<string, () => Promise<unknown>>>
  /** Metrics that are more than one operation repeated: they take about `size` ms, or where they say so do `size` jobs. */
  measures?: Readonly<Record<string, (size: number) => Promise<Stretch>>>
  /** After a stretch of operations, outside its time: what it left must not weigh on the next subject. */
  tidy?: () => Promise<void>
  close: () => Promise<void>
}

/** What a subject did in one stretch. */
export interface Stretch {
  operations: number
  seconds: number
  /** User and system time of its process. */
  cpuUs: number
  /** Where single operations were timed. @unit ms */
  samples?: readonly number[]
}

export interface Row {
  subject: string
  metric: string
  unit: string
  median: number
  min: number
  max: number
  runs: number
  /** Every value that the others are made of, in the order they were measured. */
  samples: readonly number[]
}

export interface Check {
  id: string
  value: number
  /** As the table writes it: `≤ 1.10`. */
  bound: string
  ci95: [number, number]
  holds: boolean
  /** The interval straddles the bound even after the most pairs: not a pass. */
  inconclusive?: true
}

export interface BenchDocument {
  contest: string
  machine: object
  versions: Record<string, string>
  /** What each subject was given, besides its defaults. */
  settings?: object
  rows: Row[]
  checks: Check[]
}

export interface ContestInput {
  url: string
  quick: boolean
  /** Only these parts of the contest; undefined: all. */
  only?: readonly string[]
  /** Network time added to a round trip. @unit ms */
  rttMs: number
  /** One line about what goes on. */
  progress: (line: string) => void
}

export interface Contest {
  name: string
  run(input: ContestInput): Promise<Pick<BenchDocument, 'rows' | 'checks' | 'versions' | 'settings'>>
}
