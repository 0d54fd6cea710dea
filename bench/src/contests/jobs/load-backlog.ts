import pg from 'pg'

const CHUNK = 250_000

export interface BacklogSizes {
  ready: number
  delayed: number
  dead: number
}

/** The body that queue-work.ts sends, a different one in each row. */
const body = `json_build_object('sentAt', n + 0.5, 'order', '0193f2a4-5c1e-7d3b-9a44-1f6c2e8b7d10', 'note', repeat('x', 120))::text`
const queueId = `(select id from holdfast.jobs_queues where name = 'bench')`

/** As jobs_send writes a job with a delay; due long after the contest. */
const insertDelayed = `
  insert into holdfast.jobs_later (run_at, id, lane, attempt, body)
  select now() + interval '30 days' + n * interval '1 ms', nextval('holdfast.jobs_ids'), ${queueId} * 4 + 1, 1, ${body}
    from generate_series($1::bigint, $2::bigint) n`

/** As jobs_fail writes a job whose two attempts have failed. */
const insertDead = `
  insert into holdfast.jobs_dead (id, queue, priority, attempts, sent_at, died_at, errors, body)
  select nextval('holdfast.jobs_ids'), ${queueId}, 1, 2, now() - interval '1 hour', now(), e.errors, (${body})::jsonb
    from generate_series($1::bigint, $2::bigint) n,
         (select jsonb_agg(jsonb_build_object('attempt', a, 'at', now(), 'name', 'Error', 'message', 'The mail service did not answer within 5 s')) as errors
            from generate_series(1, 2) a) e`

/**
 * Rows as the product writes them, in its order, by SQL: nobody waits for five million failures. Only the index over the
 * payloads of dead letters is made after the rows: row by row it takes longer than everything else.
 */
export async function loadWaiting(
  url: string,
  { delayed, dead }: Pick<BacklogSizes, 'delayed' | 'dead'>,
  progress: (line: string) => void,
): Promise<void> {
  await Promise.all([
    withClient(url, async (client) => await insertAll(client, insertDelayed, delayed)),
    withClient(url, async (client) => {
      const definition = await dropIndex(client, 'holdfast.jobs_dead_body')
      await insertAll(client, insertDead, dead)
      progress(`backlog_over_empty: ${dead} dead letters are there, now the index over them`)
      await client.query(definition)
    }),
  ])
}

async function withClient(url: string, act: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`set synchronous_commit = off; set maintenance_work_mem = '512MB'`)
    await act(client)
  } finally {
    await client.end()
  }
}

async function insertAll(client: pg.Client, text: string, amount: number): Promise<void> {
  for (let from = 1; from <= amount; from += CHUNK) await client.query(text, [from, Math.min(from + CHUNK - 1, amount)])
}

/** Gives what makes it again. */
async function dropIndex(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<{ definition: string }>('select pg_get_indexdef($1::regclass) as definition', [
    name,
  ])
  await client.query(`drop index ${name}`)
  return (rows[0] as { definition: string }).definition
}
