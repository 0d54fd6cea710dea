// What producers and workers have in common.
import { connect, type ConnectOptions, type Db } from 'holdfast'
import { wait } from './invariants.js'

let db: Db | undefined

export function currentDb(): Db {
  if (db === undefined) throw new Error('openDb() was not called.')
  return db
}

/** Faults are what this is for: nobody wants to read about each. */
const ignore = () => {}
export const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** A server that is just starting refuses; that is a fault like the others. */
export async function openDb(url: string, options: ConnectOptions = {}): Promise<Db> {
  for (;;) {
    try {
      db = await connect({ url, pool: { max: 10 }, acquireMs: 10_000, heartbeatMs: 600_000, logger, ...options })
      return db
    } catch {
      await wait(100)
    }
  }
}

/** Until it works. */
export async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch {
      await wait(100)
    }
  }
}

process.on('disconnect', () => process.exit(1))
