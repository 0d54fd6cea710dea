import type { Db } from 'holdfast'
import type { Pool, PoolClient } from 'pg'
import { runTransaction } from '../../harness/pg-transaction.js'

/** A user's transaction on plain node-postgres: one row, and what `also` does beside it. */
export async function insertInTransaction(
  pool: Pool,
  table: string,
  also: (client: PoolClient) => Promise<unknown>,
): Promise<void> {
  await runTransaction(pool, async (client) => {
    await client.query(`insert into ${table} (note) values ($1)`, ['paid'])
    await also(client)
  })
}

/** `query` selects one boolean named found. By an index: reading past all that is done would take a tenth of the machine. */
export async function readFound(pool: Pool, query: string): Promise<boolean> {
  const client = await pool.connect()
  try {
    await client.query('set enable_seqscan = off')
    const { rows } = await client.query<{ found: boolean }>(query)
    return rows[0]?.found ?? false
  } finally {
    await client.query('reset enable_seqscan')
    client.release()
  }
}

/** The same through holdfast. */
export async function readFoundBy(db: Db, query: string): Promise<boolean> {
  return await db.tx(async (tx) => {
    await tx.query('set local enable_seqscan = off')
    const { rows } = await tx.query<{ found: boolean }>(query)
    return rows[0]?.found ?? false
  })
}

export async function createUserTable(pool: Pool, table: string): Promise<void> {
  await pool.query(`create table if not exists ${table} (id bigserial primary key, note text not null)`)
}

/** Again after a deadlock: a queue's own maintenance may touch the same tables in another order. */
export async function truncateTables(pool: Pool, tables: string, tries = 3): Promise<void> {
  try {
    await pool.query(`truncate ${tables}`)
  } catch (error) {
    if ((error as { code?: string }).code !== '40P01' || tries === 1) throw error
    await truncateTables(pool, tables, tries - 1)
  }
}
