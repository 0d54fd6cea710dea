import type pg from 'pg'

const listed = `from pg_class where relnamespace = 'holdfast'::regnamespace and relname like 'jobs\\_%' and relkind = 'r'`

export interface TableSizes {
  /** Tables, indexes and toasted values together. */
  mb: number
  /** The largest few. */
  largest: string
}

export async function readSizes(admin: pg.Client): Promise<TableSizes> {
  const { rows } = await admin.query<{ name: string; mb: number }>(
    `select relname as name, round(pg_total_relation_size(oid) / 1e6, 1)::float8 as mb ${listed} order by 2 desc`,
  )
  const mb = rows.reduce((sum, row) => sum + row.mb, 0)
  const largest = rows.slice(0, 4).map((row) => `${row.name} ${row.mb}`)
  return { mb: Math.round(mb * 10) / 10, largest: largest.join(', ') }
}

/** What autovacuum and the checkpointer would do some time later is done before the measurement and not in it. */
export async function settleTables(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ tables: string }>(
    `select string_agg(oid::regclass::text, ', ') as tables ${listed}`,
  )
  await admin.query(`vacuum analyze ${rows[0]?.tables}`)
  await admin.query('checkpoint')
}
