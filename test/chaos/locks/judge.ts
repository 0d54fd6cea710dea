import { connect } from 'holdfast'
import type { ChaosServer } from '../core/server.js'
import { wait, type ChaosInvariant } from '../invariants.js'
import { logger } from '../program.js'
import { openLocks } from './open-locks.js'
import { leaseKeys } from './protocol.js'

const WATCH_MS = 100
const SLACK_MS = 2_000
const AGAIN_MS = 200

export async function prepare(server: ChaosServer, keys: readonly string[]): Promise<void> {
  const db = await connect({ url: server.url() })
  await db.migrate()
  await db.query('create table chaos_rows (key text primary key, value bigint not null default 0)')
  await db.query(`create table chaos_history (n bigint generated always as identity primary key, key text not null,
    value bigint not null, fence bigint, ticket bigint, begun_at timestamptz not null default now())`)
  await db.query(`create table chaos_reads (key text not null, before bigint, after bigint, fence bigint not null,
    ticket bigint)`)
  await db.query('insert into chaos_rows (key) select unnest($1::text[])', [keys])
  await db.close()
}

/** Looks at the queues again and again while the work goes on. */
export function watchQueues(server: ChaosServer): { close(): Promise<ChaosInvariant[]> } {
  const seen = { together: new Set<string>(), overtaken: new Set<string>() }
  let isOver = false

  async function look(): Promise<void> {
    const rows = await server.query<{ together: boolean; ticket: string }>(`
      select a.fence is not null as together, b.ticket from holdfast.locks_requests a
        join holdfast.locks_requests b on b.key = a.key and b.ticket > a.ticket
       where b.fence is not null and not (a.is_shared and b.is_shared)`)
    for (const { together, ticket } of rows) seen[together ? 'together' : 'overtaken'].add(ticket)
  }

  async function watch(): Promise<void> {
    while (!isOver) {
      // A server that is down is not our concern.
      await look().catch(() => {})
      await wait(WATCH_MS)
    }
  }

  const watching = watch()
  return {
    close: async () => {
      isOver = true
      await watching
      return [
        { name: 'no two in a queue hold what only one may', violations: seen.together.size },
        { name: 'nobody in a queue holds behind one who waits', violations: seen.overtaken.size },
      ]
    },
  }
}

/** Gives the keys that cannot be had within a lease and 2 s, though nobody works any more. */
export async function findStuck(server: ChaosServer, ttlMs: number, redisPort?: number): Promise<string[]> {
  const db = await connect({ url: server.url(), logger })
  const locks = openLocks(db, redisPort, { ttlMs })
  const endsAt = performance.now() + ttlMs + SLACK_MS
  let stuck = leaseKeys
  for (;;) {
    const had = await Promise.all(
      stuck.map(async (key) => {
        await using lock = await locks.tryAcquire(key)
        return lock !== undefined
      }),
    )
    stuck = stuck.filter((_, n) => !had[n])
    if (stuck.length === 0 || performance.now() > endsAt) break
    await wait(AGAIN_MS)
  }
  await locks.close()
  await db.close()
  return stuck
}

/** What the processes themselves do every now and then: killed ones cannot clean up, and nobody wants their keys. */
export async function findLeftovers(server: ChaosServer, ttlMs: number): Promise<number> {
  await wait(ttlMs)
  await server.query('select holdfast.locks_sweep(10000)')
  return (await server.query('select from holdfast.locks_requests')).length
}

export async function judgeHistory(server: ChaosServer): Promise<ChaosInvariant[]> {
  const count = async (text: string) =>
    (await server.query<{ amount: number }>(`select count(*)::int as amount from (${text}) v`))[0]?.amount as number
  return [
    {
      name: 'no stale write: fences of a key rise in the order of the commits',
      violations: await count(`select from (
        select fence, lag(fence) over (partition by key order by n) as before from chaos_history where fence is not null) h
        where fence <= before`),
    },
    {
      name: 'no lost update: a value is the number of its committed writes',
      violations: await count(`select from chaos_rows r
        where value <> (select count(*) from chaos_history h where h.key = r.key)`),
    },
    {
      name: 'no fenced transaction begins before the one of the holder before has committed',
      violations: await count(`select from (
        select begun_at, lag(pg_xact_commit_timestamp(xmin)) over (partition by key order by n) as before
          from chaos_history where fence is not null) h
        where begun_at < before`),
    },
    {
      name: 'what a shared holder reads does not change under it',
      violations: await count('select from chaos_reads where before <> after'),
    },
    {
      name: 'nobody is overtaken by a later ticket',
      violations: await count(`select from (
        select is_shared, ticket, max(ticket) over earlier as before,
               max(ticket) filter (where not is_shared) over earlier as alone_before
          from (select key, fence, ticket, false as is_shared from chaos_history where fence is not null
                union all select key, fence, ticket, true from chaos_reads) h
        window earlier as (partition by key order by fence rows between unbounded preceding and 1 preceding)) h
        where ticket < case when is_shared then alone_before else before end`),
    },
  ]
}
