import type { Pool, PoolClient } from 'pg'

/** A transaction on plain node-postgres, as its documentation shows it. */
export async function runTransaction(pool: Pool, body: (client: PoolClient) => Promise<unknown>): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await body(client)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
