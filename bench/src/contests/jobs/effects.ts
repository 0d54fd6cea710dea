import pg, { type Pool } from 'pg'

/**
 * One row per job, and nothing that would refuse a second one: it is to be seen. Numbered, as rows of users are.
 */
export async function createEffects(pool: Pool, table: string): Promise<void> {
  await pool.query(`create table if not exists ${table} (id bigserial primary key, job text not null)`)
}

export function insertEffect(table: string): string {
  return `insert into ${table} (job) values ($1)`
}

/** Every job exactly once. */
export async function verifyEffects(pool: Pool, table: string, amount: number): Promise<void> {
  const { rows } = await pool.query<{ effects: string; jobs: string }>(
    `select count(*) as effects, count(distinct job) as jobs from ${table}`,
  )
  const { effects, jobs } = rows[0] as { effects: string; jobs: string }
  if (Number(effects) !== amount || Number(jobs) !== amount)
    throw new Error(`${table}: ${amount} jobs had ${effects} effects, of ${jobs} jobs.`)
}

/** A look at the tables from outside of the queue's own pool. */
export function openSidePool(url: string): Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  return pool
}
