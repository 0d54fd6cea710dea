import { isHoldfastError } from '../core/index.js'
import { inspectWatch, type Autopsy } from '../watch/index.js'
import type { AutopsyDocument } from './autopsy-contract.js'
import { canAsk, readRoute, readWindow } from './latency-api.js'
import type { Route } from './routes.js'
import type { ObservedDb } from './types.js'

/** A person waits for it, and a proxy before that. */
const deadlineMs = 25_000
const nothing = { route: null, onset: null, suspects: [], changes: [], fixes: [], refused: [], alsoSlower: [] }

/** It reads much, so that only somebody who asks for it gets it: a POST, whose origin is checked. */
export const autopsyRoutes: Readonly<Record<string, Route>> = {
  '/api/autopsy': {
    POST: async (request, { db }) => Response.json(await performAutopsy(db, request)),
  },
}

async function performAutopsy(db: ObservedDb, request: Request): Promise<AutopsyDocument> {
  const query = new URL(request.url).searchParams
  const [sinceMs, route] = [readWindow(query, '24h'), readRoute(query)]
  if (!canAsk(db)) {
    const sentence = 'createHttp was given a database that it cannot ask, so there is nothing to look at.'
    return refuse(sentence, 'Pass what connect() gave you: `createHttp(db)`.')
  }
  try {
    const { signal } = request
    return toDocument(
      await inspectWatch(db).autopsy({ sinceMs, signal, deadlineMs, ...(route !== undefined && { route }) }),
    )
  } catch (error) {
    if (!isHoldfastError(error, 'HF_WATCH_NOT_INSTALLED')) throw error
    return refuse(error.message, error.fix)
  }
}

function refuse(sentence: string, fix: string): AutopsyDocument {
  const verdict = { severity: 'watch' as const, sentence, fix, also: [] }
  return { isConnected: false, verdict, ...nothing, missing: [], tookMs: 0 }
}

function toDocument(found: Autopsy): AutopsyDocument {
  const { verdict, route, onset, suspects, changes, fixes, refused, alsoSlower, missing, tookMs } = found
  return {
    isConnected: true,
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
