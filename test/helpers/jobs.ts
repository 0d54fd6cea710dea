import { createJobs, type JobDefinition, type Jobs } from '../../src/jobs/index.js'
import type { Db, Logger } from '../../src/core/index.js'

const silent = () => {}
/** Tests provoke what a worker would warn about. */
export const quietLogger: Logger = { debug: silent, info: silent, warn: silent, error: silent }

export async function withJobs<T>(
  db: Db,
  definitions: readonly JobDefinition<never>[],
  body: (jobs: Jobs) => Promise<T>,
): Promise<T> {
  const jobs = await createJobs(db, { jobs: definitions, logger: quietLogger })
  try {
    return await body(jobs)
  } finally {
    await jobs.close()
  }
}

/** A promise that is settled from outside. */
export function defer<T = void>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
