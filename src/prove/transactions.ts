import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { readSqlstate } from '../core/index.js'

/** Of a transaction that could not be serialized, with a pause that grows and is random, as the manuals have it. */
const MOST_TRIES = 20
const BACKOFF_MS = 5
const MOST_BACKOFF_MS = 100
const NOT_SERIALIZED = new Set(['40001', '40P01'])

/** As people write it who have no helper for it. */
export async function inTransaction<T>(
  pool: Pool,
  body: (client: PoolClient) => Promise<T>,
  isolation = 'read committed',
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query(`begin isolation level ${isolation}`)
    const result = await body(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  } finally {
    client.release()
  }
}

/** The server finds out who read what others wrote; those are run again, and each time `onRetry` is told. */
export async function serialize<T>(
  pool: Pool,
  body: (client: PoolClient) => Promise<T>,
  onRetry: () => void,
  isolation: 'serializable' | 'repeatable read' = 'serializable',
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await inTransaction(pool, body, isolation)
    } catch (error) {
      if (!NOT_SERIALIZED.has(readSqlstate(error) ?? '') || tries === MOST_TRIES) throw error
      onRetry()
      await sleep(Math.random() * Math.min(MOST_BACKOFF_MS, BACKOFF_MS * 2 ** tries))
    }
  }
}
