import pg from 'pg'
import { wait } from '../invariants.js'

export interface StopWatch {
  noteAbort(id: number): void
  close(): Promise<{ late: number; lateWithStalls: number; slowestMs: number }>
}

const POLL_MS = 5
/** A longer gap between two looks means that the machine itself stood still, for the server as for us. */
const USUAL_GAP_MS = 25

/**
 * Watches on the server for how long it still works for requests that were aborted. Time in which the watch itself got
 * no turn is taken off before a stop is called late; the figures with it are given beside.
 */
export async function watchStops(serverUrl: string, withinMs: number): Promise<StopWatch> {
  const aborted = new Map<number, { at: number; stalledMs: number }>()
  const [late, lateWithStalls] = [new Set<number>(), new Set<number>()]
  let stalledMs = 0
  let lookedAt = performance.now()
  let slowestMs = 0
  let isOver = false
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()

  async function look(): Promise<void> {
    // What is seen was still running at this instant, or after it.
    const asked = performance.now()
    stalledMs += Math.max(0, asked - lookedAt - USUAL_GAP_MS)
    lookedAt = asked
    const { rows } = await client.query<{ id: number }>(
      `select substring(query from 'abort:(\\d+)')::int as id from pg_stat_activity
        where datname = current_database() and state = 'active' and query like '/* abort:%'`,
    )
    for (const { id } of rows) {
      const abort = aborted.get(id)
      if (abort === undefined) continue
      const overMs = asked - abort.at
      slowestMs = Math.max(slowestMs, overMs)
      if (overMs > withinMs) lateWithStalls.add(id)
      if (overMs - (stalledMs - abort.stalledMs) > withinMs) late.add(id)
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
    noteAbort: (id) => void aborted.set(id, { at: performance.now(), stalledMs }),
    close: async () => {
      isOver = true
      await watching
      return { late: late.size, lateWithStalls: lateWithStalls.size, slowestMs }
    },
  }
}
