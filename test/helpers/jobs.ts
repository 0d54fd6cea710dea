import { expect } from 'vitest'
import { createJobs, type JobDefinition, type Jobs } from '../../src/jobs/index.js'
import type { Db, Logger } from '../../src/core/index.js'
import { eventually } from './eventually.js'

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

/** Runs one job that is kept to its end, in a worker of its own; gives what is kept. */
export async function runToEnd(jobs: Jobs, id: string) {
  const worker = await jobs.work({ pollMs: 50 })
  const kept = await eventually(async () => {
    const found = await jobs.result(id)
    expect(found).toBeDefined()
    return found
  })
  await worker.stop()
  return kept
}
