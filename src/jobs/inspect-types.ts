/** A worker that the database knows; one whose process died is listed until another worker notices. */
export interface WorkerState {
  id: string
  /** Host and process id. */
  instance: string
  startedAt: Date
  /** When it last renewed itself. */
  seenAt: Date
  /** Since it started, and since it last renewed itself, by the database's clock. @unit ms */
  upMs: number
  seenMs: number
  leaseMs: number
  /** False: its lease has lapsed or its session has ended, and nobody has taken over its jobs yet. */
  isAlive: boolean
  /** Noticed at once when its process ends; without it, when its lease lapses. */
  hasSession: boolean
}

export interface MinuteCounts {
  /** The beginning of the minute. */
  at: Date
  sent: number
  succeeded: number
  failed: number
  died: number
}

export interface QueueMinutes {
  name: string
  /** Minutes of the last hour in which something happened, oldest first. */
  minutes: MinuteCounts[]
}

export interface DeadPageFilter {
  /** Jobs of this name. */
  name?: string
  /** Payloads that contain this JSON (jsonb's `@>`). */
  contains?: unknown
  /** `next` of the page before. */
  after?: string
  /** Default: 50. */
  limit?: number
}

/** A dead letter without its payload. */
export interface DeadSummary {
  id: string
  name: string
  attempts: number
  diedAt: Date
  /** Of its last attempt; null when none was recorded. */
  error: { name: string; message: string } | null
}

export interface DeadPage {
  dead: DeadSummary[]
  /** Where the next page begins; null: this was the last. */
  next: string | null
}

export interface DeadCount {
  /** Exact, unless there are more than were asked for. */
  count: number
  isMore: boolean
}

/** `running`: in a worker's hands, perhaps not started. `unknown`: succeeded, cancelled or never sent. */
export type JobPlace = 'ready' | 'running' | 'delayed' | 'retry' | 'dead' | 'unknown'

export interface WaitReason {
  code: 'queue-paused' | 'no-live-worker' | 'key-taken' | 'delayed' | 'retry-pause' | 'due' | 'behind' | 'next'
  /** One plain sentence with its numbers. */
  sentence: string
}

export interface JobLife {
  /** The id under which it was sent. */
  id: string
  place: JobPlace
  /** One sentence that says where it is. */
  sentence: string
  /** Why it does not run now; empty unless it waits. */
  waits: WaitReason[]
  /** Null: unknown. */
  name: string | null
  priority: 'high' | 'normal' | 'low' | null
  /** The attempt that runs or comes next; for a dead letter the number of attempts. */
  attempt: number | null
  /** How many attempts its queue allows. */
  attempts: number | null
  sentAt: Date | null
  /** Delayed and retry: not before this moment. */
  runAt: Date | null
  diedAt: Date | null
  uniqueKey: string | null
  /** Running: who has it, and since when. */
  worker: { id: string; instance: string; since: Date } | null
  errors: { attempt: number; at: string; name: string; message: string }[]
  /** JSON text; only when it was asked for. */
  payload?: { text: string; isCut: boolean }
}

/** A job that runs and has told how far it is. */
export interface RunningJob {
  id: string
  name: string
  attempt: number
  /** Host and process id of its worker. */
  instance: string
  /** Since its worker claimed it. @unit ms */
  runningMs: number
  progress: { done: number; total: number | null; note: string | null }
  /** Since it was reported. @unit ms */
  reportedMs: number
  /** Somebody wants it to end. */
  isCancelling: boolean
}

export interface CronState {
  name: string
  /** What it sends. */
  job: string
  schedule: string
  timeZone: string
  nextAt: Date
  /** Until then, by the database's clock; below 0 it is due. @unit ms */
  nextMs: number
  /** The tick that was sent last; null: none yet. */
  firedAt: Date | null
}

/** Reads what is there without counting rows: each answer takes a few steps in an index, however many jobs wait. */
export interface JobsInspector {
  workers(): Promise<WorkerState[]>
  lastHour(): Promise<QueueMinutes[]>
  /** Jobs that run and report progress: of the 100 that reported last. */
  running(): Promise<RunningJob[]>
  /** Schedules, the next to fire first; 200 at most. */
  crons(): Promise<CronState[]>
  /** Dead letters without their payloads, newest first. @throws HF_QUERY_DEADLINE after 5 s */
  listDead(filter?: DeadPageFilter): Promise<DeadPage>
  /** How many dead letters a filter finds, counted up to `most` (default 1 000). @throws HF_QUERY_DEADLINE after 5 s */
  countDead(filter?: Pick<DeadPageFilter, 'name' | 'contains'>, most?: number): Promise<DeadCount>
  /** Where a job is and why it waits. Its payload only with `withPayload`, cut after 20 000 characters. */
  findJob(id: string, options?: { withPayload?: boolean }): Promise<JobLife>
}
