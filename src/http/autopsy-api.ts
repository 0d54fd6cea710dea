import type { Autopsy } from '../watch/index.js'
import { createAdviseText } from './advice-api.js'
import type { AutopsyDocument } from './autopsy-contract.js'
import { readRoute } from './latency-api.js'
import type { Route } from './routes.js'
import type { ObservedDb } from './types.js'
import { readWatched, readWindow } from './watch-api.js'

/** A person waits for it, and a proxy before that. */
const deadlineMs = 25_000
type Shown = Omit<AutopsyDocument, 'isConnected' | 'verdict'>

const nothing: Shown = {
  route: null,
  onset: null,
  suspects: [],
  changes: [],
  fixes: [],
  refused: [],
  alsoSlower: [],
  missing: [],
  tookMs: 0,
}

/** It reads much, so that only somebody who asks for it gets it: a POST, whose origin is checked. */
export const autopsyRoutes: Readonly<Record<string, Route>> = {
  '/api/autopsy': {
    POST: async (request, { db }) => Response.json(await performAutopsy(db, request)),
  },
}

async function performAutopsy(db: ObservedDb, request: Request): Promise<AutopsyDocument> {
  const query = new URL(request.url).searchParams
  const [sinceMs, route] = [readWindow(query, '24h'), readRoute(query)]
  const { signal } = request
  const advise = createAdviseText(db)
  return await readWatched<Shown>(db, nothing, async (inspector) =>
    toDocument(
      await inspector.autopsy({
        sinceMs,
        signal,
        deadlineMs,
        ...(advise && { advise }),
        ...(route !== undefined && { route }),
      }),
    ),
  )
}

function toDocument(found: Autopsy): Shown & Pick<AutopsyDocument, 'verdict'> {
  const { verdict, route, onset, suspects, changes, fixes, refused, alsoSlower, missing, tookMs } = found
  return {
    verdict,
    route,
    onset: onset && {
      at: onset.at.getTime(),
      endedAt: onset.endedAt?.getTime() ?? null,
      minutes: onset.minutes,
      before: toPercentiles(onset.before),
      after: toPercentiles(onset.after),
    },
    suspects: suspects.map(({ figures: _figures, ...suspect }) => suspect),
    changes: changes.map(({ at, ...change }) => ({ ...change, at: at?.getTime() ?? null })),
    fixes: fixes.map(({ sentence, ddl, prove }) => ({ sentence, ddl, prove })),
    refused,
    alsoSlower: alsoSlower.map(({ at, ...other }) => ({ ...other, at: at.getTime() })),
    missing,
    tookMs,
  }
}

const toPercentiles = ({ p50, p95, p99 }: { p50: number; p95: number; p99: number }) => ({ p50, p95, p99 })
