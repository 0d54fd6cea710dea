/** @module holdfast/jobs: a durable queue in the user's own transaction. */

export { createJobs, type JobsOptions } from './create-jobs.js'
export { defineJob } from './define-job.js'
export { jobsErrors } from './errors.js'
export { jobOptionTable, redriveOptionTable, sendOptionTable, watchOptionTable, workOptionTable } from './options.js'
export type {
  CronState,
  DeadPage,
  DeadPageFilter,
  DeadSummary,
  DeadCount,
  JobLife,
  JobPlace,
  JobsInspector,
  MinuteCounts,
  QueueMinutes,
  RunningJob,
  WaitReason,
  WorkerState,
} from './inspect-types.js'
export type {
  AtLeastOnceOptions,
  BatchOptions,
  CancelAnswer,
  Checkpoint,
  Cron,
  DeadFilter,
  DeadJob,
  Job,
  JobDefinition,
  JobOptions,
  JobState,
  JobStatus,
  Jobs,
  KeptRun,
  Priority,
  Progress,
  QueueState,
  RedriveFilter,
  RetryOptions,
  SendOptions,
  Sent,
  TransactionJob,
  TransactionOptions,
  WatchOptions,
  Worker,
  WorkerStats,
  WorkOptions,
} from './types.js'
export type { SchemaResult, StandardSchema } from '../core/index.js'
