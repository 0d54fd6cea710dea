import { defineJob } from 'holdfast/jobs'
import { currentDb } from '../program.js'
import { keyOf } from './protocol.js'

interface Payload {
  n: number
  /** Fails in its first attempt. */
  fails: boolean
}

const retries = { attempts: 1_000, backoffMs: 20, maxBackoffMs: 1_000 }

function failFirst({ payload, attempt }: { payload: Payload; attempt: number }): void {
  if (payload.fails && attempt === 1) throw new Error('on purpose')
}

export const jobs = {
  tx: defineJob<Payload>('tx', {
    ...retries,
    mode: 'transaction',
    sharedCommits: 20,
    handler: async (job) => {
      await job.tx.query('insert into chaos_effects (kind, n) values ($1, $2)', ['tx', job.payload.n])
      failFirst(job)
    },
  }),
  // Reads, and writes what follows from it without a lock: two of a key at once, both committed, would lose one.
  keyed: defineJob<Payload>('keyed', {
    ...retries,
    mode: 'transaction',
    handler: async (job) => {
      const { tx, payload } = job
      const key = keyOf(payload.n)
      const [row] = await tx.sql<{ value: number }>`select value from chaos_keys where key = ${key}`
      await tx.query('insert into chaos_effects (kind, n) values ($1, $2)', ['keyed', payload.n])
      await tx.sql`update chaos_keys set value = ${(row?.value ?? 0) + 1} where key = ${key}`
      failFirst(job)
    },
  }),
  once: defineJob<Payload>('once', {
    ...retries,
    handler: async (job) => {
      failFirst(job)
      await currentDb().query('insert into chaos_effects (kind, n) values ($1, $2)', ['once', job.payload.n])
    },
  }),
  batch: defineJob<Payload>('batch', {
    ...retries,
    mode: 'batch',
    batchSize: 100,
    handler: async (batch) => {
      const numbers = batch.map(({ payload }) => payload.n)
      await currentDb().query('insert into chaos_effects (kind, n) select $1, unnest($2::bigint[])', ['batch', numbers])
    },
  }),
}
