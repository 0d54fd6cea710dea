import { isHoldfastError, type Db } from '../core/index.js'
import { inspectWatch, type WatchInspector } from '../watch/index.js'
import type { Verdict } from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'

const windows = { '15m': 900_000, '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000 } as const

type Window = keyof typeof windows

interface Answer {
  isConnected: boolean
  verdict: Verdict
}

/** What watch has seen; where there is nothing to read, `empty` with a verdict that says why. */
export async function readWatched<Rest extends object>(
  db: ObservedDb,
  empty: Rest,
  read: (inspector: WatchInspector) => Promise<Rest & { verdict: Verdict }>,
): Promise<Rest & Answer> {
  if (!canAsk(db)) {
    const sentence = 'createHttp was given a database that it cannot ask, so there is nothing to show here.'
    return { ...empty, ...refuse(sentence, 'Pass what connect() gave you: `createHttp(db)`.') }
  }
  try {
    return { isConnected: true, ...(await read(inspectWatch(db))) }
  } catch (error) {
    if (!isHoldfastError(error, 'HF_WATCH_NOT_INSTALLED')) throw error
    return { ...empty, ...refuse(error.message, error.fix) }
  }
}

function refuse(sentence: string, fix: string): Answer {
  return { isConnected: false, verdict: { severity: 'watch', sentence, fix, also: [] } }
}

function canAsk(db: ObservedDb): db is ObservedDb & Pick<Db, 'query'> {
  return typeof db.query === 'function'
}

/** @throws HF_HTTP_PARAMETER */
export function readWindow(query: URLSearchParams, fallback: Window = '1h'): number {
  const given = query.get('window') ?? fallback
  if (Object.hasOwn(windows, given)) return windows[given as Window]
  throw httpError('HF_HTTP_PARAMETER', `\`window\` is one of ${Object.keys(windows).join(', ')}.`)
}
