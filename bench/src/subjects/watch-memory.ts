import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { connect, type Db } from 'holdfast'
import { watch } from 'holdfast/watch'
import { REQUESTS, SERIES } from '../contests/watch/memory.js'
import type { Subject } from '../harness/types.js'

const MB = 1_048_576
const NEW_PER_STRETCH = 45
const STRETCH_MS = 1_050
const columns = 'id, title, place, cents, created_at, starts_at, organiser_id, currency, description'

/** `fill`: what memory it has after requests of so many routes, and how much of it PostgreSQL's parser took. */
const subject: Subject = {
  open: async (url, lanes) => {
    const db = await connect({ url, pool: { max: lanes } })
    await db.migrate()
    return {
      operations: {},
      measures: {
        fill: async (routes) => {
          const bare = await weigh()
          await warmParser()
          const parsing = await weigh()
          const watching = await watch(db)
          await serve(db, lanes, routes)
          await watching.flush()
          if (watching.stats().series < routes) throw new Error(`Only ${watching.stats().series} series.`)
          const { heap, resident } = await weigh()
          await watching.stop()
          const samples = [heap, resident, parsing.heap - bare.heap, parsing.resident - bare.resident]
          return { operations: routes, seconds: 0, cpuUs: 0, samples }
        },
      },
      close: async () => await db.close(),
    }
  },
}

/**
 * As many requests whatever the number of routes: the pool, the heap and the compiled code have then grown alike. New
 * routes come at a pace, because watch parses at most 50 new statements a second.
 */
async function serve(db: Db, lanes: number, routes: number): Promise<void> {
  const stretches = Math.ceil(SERIES / NEW_PER_STRETCH)
  for (let stretch = 1; stretch <= stretches; stretch++) {
    const pause = sleep(STRETCH_MS)
    await serveStretch(db, lanes, Math.min(routes, stretch * NEW_PER_STRETCH), Math.ceil(REQUESTS / stretches))
    await pause
  }
}

async function serveStretch(db: Db, lanes: number, routes: number, requests: number): Promise<void> {
  let left = requests
  const runLane = async () => {
    for (; left > 0; left--) {
      const route = left % routes
      await db.runRequest({ route: `GET /tenants/:tenant/resources-${route}/:id` }, async () => {
        await db.query(writeText(route), [1])
      })
    }
  }
  await Promise.all(Array.from({ length: lanes }, runLane))
}

/** The one that watch has: as much as it takes once it has seen many statements. */
async function warmParser(): Promise<void> {
  const { fingerprint, normalize } = await import('libpg-query')
  for (let n = 0; n < 4 * SERIES; n++) {
    await fingerprint(writeText(n))
    await normalize(writeText(n))
  }
}

function writeText(n: number): string {
  return `select ${columns} from (values (1, 'a', 'b', 2, now(), now(), 3, 'EUR', 'c')) as resource_${n} (${columns}) where id = $1`
}

/** After garbage has gone. @unit MB */
async function weigh(): Promise<{ heap: number; resident: number }> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let n = 0; n < 5; n++) {
    collect()
    await sleep(50)
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: (heapUsed + external) / MB, resident: rss / MB }
}

export default subject
