import type { Invariant } from '../core/index.js'
import type { GateFix } from './fix/types.js'

export interface ClashLabOptions<App> {
  /** The database as it is before both requests. It is cloned, and never written. The role must be able to make databases, and own the tables or be a superuser. */
  url: string
  /** Opens the application on the clone. */
  open: (url: string) => App | Promise<App>
  /** Ends what `open` began. Default: `close`, `end` or `destroy` of it, whichever is there. */
  close?: (app: App) => unknown
  /** The modules whose statements pass the gate: `pg`, or an `sql` of postgres.js, of the copy that the application uses. Default: the `pg` of holdfast. */
  drivers?: readonly unknown[]
  /** False: on this database itself, a test's own; everything is undone after each schedule. Default: true. */
  clone?: boolean
  /** Must hold after every schedule, as they do after both orders. Default: none. */
  invariants?: readonly Invariant[]
}

export interface ReplayRequest<App> {
  /** `POST /buy`; for the diagram. */
  name: string
  /** Runs it; what it throws counts as 500. */
  run: (app: App) => Promise<{ status: number; body?: unknown }>
}

export interface ReplayOptions {
  /** Changes that are tried at the gate. Default: none. */
  fix?: GateFix
  /** How often a schedule may turn from one request to the other before it has to. Default: 2. */
  preemptions?: number
  /** Default: 400. */
  maxSchedules?: number
  /** All interleavings, as far as `maxSchedules` go. Default: false. */
  exhaustive?: boolean
  /** Bodies count as well. Default: false. */
  comparesBodies?: boolean
  /** Of the whole replay. Default: 60 000 ms. */
  deadlineMs?: number
  signal?: AbortSignal
}

export interface ReplayStep {
  side: 'A' | 'B'
  /** The statement, without its values. */
  text: string
  /** `waits`: for a lock of the other. */
  event: 'done' | 'waits' | 'failed'
  /** SQLSTATE. */
  code?: string
}

export interface SerialOutcome {
  order: 'AB' | 'BA'
  statuses: readonly [number, number]
  /** A hash of the rows that came and went: two replays that end alike have the same. */
  digest: string
}

export interface ReplayReport {
  /** `not deterministic`: the same order ends in different ways by itself, so that nothing can be said. */
  verdict: 'clash' | 'none found' | 'not deterministic'
  /** The shortest that failed; empty where none did. */
  schedule: readonly ReplayStep[]
  /** How its outcome differs from those of both orders: tables, columns, numbers of rows, statuses. No values. */
  reason: string
  /** Columns that differ by themselves, and are not compared: `orders.id`. */
  masked: readonly string[]
  /** Of A before B, and of B before A. */
  serial: readonly SerialOutcome[]
  statuses: readonly [number, number]
  schedules: number
  /** Every schedule of this many preemptions was tried. */
  isComplete: boolean
  retries: number
  deadlocks: number
  ms: number
  /** Until the first schedule that failed; undefined: none did. @unit ms */
  firstFailureMs: number | undefined
  /** At most 80 columns wide. */
  diagram: string
}

export interface ClashLab<App> {
  /** Where the clone is. */
  readonly url: string
  readonly app: App
  /** @throws HF_CLASH_DEADLINE, HF_CLASH_UNDO */
  replay(first: ReplayRequest<App>, second: ReplayRequest<App>, options?: ReplayOptions): Promise<ReplayReport>
  /** Both at once and again, without a gate, for so long: what a fix costs. */
  measure(
    first: ReplayRequest<App>,
    second: ReplayRequest<App>,
    options?: { fix?: GateFix; pairs?: number },
  ): Promise<FixCost>
  close(): Promise<void>
}

export interface FixCost {
  requestsPerSecond: number
  retries: number
  failed: number
}
