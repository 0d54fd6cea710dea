// What the subjects are given besides their defaults; the document of the contest holds it.

export const CONCURRENCY = 20

/** From graphile-worker's performance test and its page on batching: the local queue and batched completions are off by default. */
export const graphileWorker = {
  concurrentJobs: CONCURRENCY,
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
}

/** Large batches fetched without a pause while there are any, and woken by notifications; the polls are only a net. */
export const pgBoss = {
  batchSize: 500,
  localConcurrency: 2,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 0.5,
}

/** The same on Redis and on PostgreSQL. */
export const bullMq = { concurrency: CONCURRENCY }

/** As many transactions at once for both. pg-boss's batch is the size that was best in earlier measurements; the rest was not swept. */
export const effectSettings = {
  holdfast: { sharedCommits: 60, concurrency: 4, poolMax: 8 },
  'pg-boss': {
    ...pgBoss,
    transactional: true,
    batchSize: 100,
    localConcurrency: 4,
    poolMax: 10,
  },
}

/** No two jobs of a key at once, and the shortest pause before another attempt that each can have. */
export const busySettings = {
  holdfast: { perKey: 1, backoffMs: 0 },
  'pg-boss': {
    queue: { policy: 'exclusive', notify: true, retryLimit: 5, retryDelay: 0 },
    work: { ...pgBoss, batchSize: 200, groupConcurrency: 1, perJobResults: true, includeMetadata: true },
  },
  bullmq: { worker: bullMq, job: { attempts: 5, removeOnComplete: true } },
}

export const settings = {
  drain: { 'graphile-worker': graphileWorker, 'pg-boss': pgBoss, BullMQ: bullMq },
  exactly_once: effectSettings,
  busy: { 'graphile-worker': graphileWorker, ...busySettings },
}
