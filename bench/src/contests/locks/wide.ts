import pg from 'pg'
import { judgeCount, summarize } from '../../harness/statistics.js'
import type { RunningSubject } from '../../harness/subjects.js'
import type { Stretch } from '../../harness/types.js'
import { HOLDFAST, type Part } from './setting.js'
import { PROCESSES, WIDE, WIDE_POOL } from './settings.js'
import { describeTeam } from './team.js'

const QUICK = 1_000
const LOOK_MS = 50

/**
 * As many keys at once as there are users, then as many users at once for one key. Samples of the subject: what failed,
 * and who was never served. Connections are counted on the server all the time; more than the pools have are extra.
 */
export const wide: Part = async (place) => {
  const amount = place.input.quick ? QUICK : WIDE
  const watch = await watchConnections(place.databases.urlOf(HOLDFAST))
  const team = await describeTeam(place, HOLDFAST).start()
  try {
    const keys = await team.run('wide_keys', amount / PROCESSES)
    const waiters = await team.run('wide_waiters', amount / PROCESSES)
    const extra = watch.readMost() - PROCESSES * WIDE_POOL
    for (const [name, stretch] of Object.entries({ keys, waiters }))
      place.input.progress(
        `wide: ${amount} ${name} in ${stretch.seconds.toFixed(1)} s, ${sumSamples(stretch, 0)} failed`,
      )
    return {
      rows: [
        summarize(HOLDFAST, 'wide_keys_time', 's', [keys.seconds]),
        summarize(HOLDFAST, 'wide_waiters_time', 's', [waiters.seconds]),
      ],
      checks: [
        judgeCount('wide_errors', sumSamples(keys, 0) + sumSamples(waiters, 0), { atMost: 0 }),
        judgeCount('wide_starved', sumSamples(keys, 1) + sumSamples(waiters, 1), { atMost: 0 }),
        judgeCount('wide_extra_connections', Math.max(0, extra), { atMost: 4 }),
      ],
    }
  } finally {
    await closeAll(team, watch)
  }
}

interface Watch {
  /** At any moment. */
  readMost(): number
  close(): Promise<void>
}

async function watchConnections(url: string): Promise<Watch> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const state = { most: 0, isOver: false }
  const look = async () => {
    while (!state.isOver) {
      const { rows } = await client.query<{ amount: number }>(
        `select count(*)::int as amount from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      )
      state.most = Math.max(state.most, rows[0]?.amount ?? 0)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }
  const looking = look()
  return {
    readMost: () => state.most,
    close: async () => {
      state.isOver = true
      await looking
      await client.end()
    },
  }
}

/** Every process tells two: what failed, and who starved. */
function sumSamples({ samples = [] }: Stretch, at: 0 | 1): number {
  return samples.filter((_, n) => n % 2 === at).reduce((sum, each) => sum + each, 0)
}

async function closeAll(team: RunningSubject, watch: Watch): Promise<void> {
  await watch.close()
  await team.close()
}
