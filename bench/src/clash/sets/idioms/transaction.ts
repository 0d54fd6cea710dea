import type pg from 'pg'

/** The helper that every backend on bare `pg` has somewhere. */
export async function withTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  begin = 'BEGIN',
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

export function hasCode(error: unknown, code: string): boolean {
  if (typeof error !== 'object' || error === null) return false
  if ('code' in error && error.code === code) return true
  // Drizzle and TypeORM wrap the error of the driver.
  return 'cause' in error ? hasCode(error.cause, code) : 'driverError' in error && hasCode(error.driverError, code)
}

/** Retries what PostgreSQL asks to retry: a serialization failure or a deadlock. */
export async function retrySerialization<T>(work: () => Promise<T>, attempts = 4): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || !(hasCode(error, '40001') || hasCode(error, '40P01'))) throw error
    }
  }
}
