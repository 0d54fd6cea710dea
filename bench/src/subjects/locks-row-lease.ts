import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createLockWork } from '../contests/locks/lock-work.js'
import { LEASE_MS } from '../contests/locks/settings.js'
import type { Subject } from '../harness/types.js'

const POLL_MS = 50

const TABLES = `
  create sequence if not exists bench_fences;
  create table if not exists bench_leases (
    key text primary key, fence bigint not null, expires_at timestamptz not null)`
const ACQUIRE = `insert into bench_leases as l (key, fence, expires_at)
  values ($1, nextval('bench_fences'), now() + $2 * interval '1 ms')
  on conflict (key) do update set fence = excluded.fence, expires_at = excluded.expires_at where l.expires_at < now()
  returning fence`
const RELEASE = 'delete from bench_leases where key = $1 and fence = $2'

/** A row that says until when, as people write it. Both statements are prepared and commit synchronously. */
const subject: Subject = {
  open: async (url, lanes) => {
    const pool = new pg.Pool({ connectionString: url, max: lanes, idleTimeoutMillis: 0 })
    await pool.query(TABLES)
    const acquire = async (key: string) => {
      for (;;) {
        const { rows } = await pool.query<{ fence: string }>({
          name: 'acquire',
          text: ACQUIRE,
          values: [key, LEASE_MS],
        })
        const [row] = rows
        if (row) return async () => await pool.query({ name: 'release', text: RELEASE, values: [key, row.fence] })
        await sleep(POLL_MS)
      }
    }
    return createLockWork({ acquire, close: async () => await pool.end() })
  },
}

export default subject
