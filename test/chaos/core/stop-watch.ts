import pg from 'pg'
import { wait } from '../invariants.js'

export interface StopWatch {
  noteAbort(id: number): void
  close(): Promise<{ late: number; slowestMs: number }>
}

const POLL_MS = 5

/** Watches on the server for how long it still works for requests that were aborted. */
export async function watchStops(serverUrl: string, withinMs: number): Promise<StopWatch> {
  const abortedAt = new Map<number, number>()
  const late = new Set<number>()
  let slowestMs = 0
  let isOver = false
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()

  async function look(): Promise<void> {
    // What is seen was still running at this instant, or after it.
    const asked = performance.now()
    const { rows } = await client.query<{ id: number }>(
      `select substring(query from 'abort:(\\d+)')::int as id from pg_stat_activity
        where datname = current_database() and state = 'active' and query like '/* abort:%'`,
    )
    for (const { id } of rows) {
      const overMs = asked - (abortedAt.get(id) ?? Infinity)
      slowestMs = Math.max(slowestMs, overMs)
      if (overMs > withinMs) late.add(id)
    }
  }

  async function watch(): Promise<void> {
    while (!isOver) {
      await look()
      await wait(POLL_MS)
    }
    await client.end()
  }

  const watching = watch()
  return {
    noteAbort: (id) => void abortedAt.set(id, performance.now()),
    close: async () => {
      isOver = true
      await watching
      return { late: late.size, slowestMs }
    },
  }
}
