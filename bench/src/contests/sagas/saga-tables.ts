import type { Pool } from 'pg'
import { connect } from 'holdfast'

const sagaTables = 'holdfast.sagas_instances, holdfast.sagas_steps, holdfast.sagas_signals'

/** A database that has the tables, and no sagas of another part. */
export async function emptySagas(url: string): Promise<void> {
  const db = await connect({ url })
  await db.migrate()
  await db.query(`truncate ${sagaTables}`)
  await db.close()
}

/**
 * What was written in one stretch must not be vacuumed in another's. The tables stay full, and the planner knows it: they
 * are as in production, where those that ended are kept, and not as in the first minute of an empty database.
 */
export async function settleSagas(pool: Pool): Promise<void> {
  await pool.query(`vacuum (analyze) ${sagaTables}`)
}

/** The same for the peer. */
export async function settleWorkflows(pool: Pool): Promise<void> {
  const names = ['workflow_status', 'workflow_input', 'workflow_output', 'operation_outputs']
  await pool.query(`vacuum (analyze) ${names.map((name) => `dbos.${name}`).join(', ')}`)
}

/** What was done more than once of a table of (saga, step): runs beyond the first. */
export async function countRepeated(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ amount: number }>(
    `select coalesce(sum(n - 1), 0)::integer as amount from (select count(*) as n from ${table} group by saga, step) each`,
  )
  return (rows[0] as { amount: number }).amount
}

/** Nothing that would refuse a second one: it is to be seen. */
export async function createRunTable(db: { query(text: string): Promise<unknown> }, table: string): Promise<void> {
  await db.query(
    `create table if not exists ${table} (id bigint generated always as identity primary key, saga text not null, step text not null)`,
  )
}

export function insertRun(table: string): string {
  return `insert into ${table} (saga, step) values ($1, $2)`
}
