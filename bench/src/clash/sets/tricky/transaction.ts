import type pg from 'pg'

/** One connection, `begin` to `commit`; rolled back when `work` throws. */
export async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
  begin = 'begin',
): Promise<Result> {
  const client = await pool.connect()
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** The SQLSTATE, however deep the library has wrapped the driver's error. */
export function readSqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, cause, driverError } = error as { code?: unknown; cause?: unknown; driverError?: unknown }
  if (typeof code === 'string') return code
  return readSqlState(cause) ?? readSqlState(driverError)
}

const ATTEMPTS = 5

export async function retrySerialization<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      return await attempt()
    } catch (error) {
      const state = readSqlState(error)
      if (left === 1 || (state !== '40001' && state !== '40P01')) throw error
    }
  }
}
