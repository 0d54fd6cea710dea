import type { Db } from '../core/index.js'
import { inspectLocks } from '../locks/index.js'
import type { LocksDocument } from './contract.js'
import { httpError } from './errors.js'
import type { ObservedDb } from './types.js'

const mostKeyChars = 500
const none = { count: 0, isMore: false }

/** What the page Locks shows when createHttp was given something that only counts. */
const notConnected: LocksDocument = {
  isConnected: false,
  verdict: {
    severity: 'watch',
    sentence: 'createHttp was given a database that it cannot ask, so there is nothing to show here.',
    fix: 'Pass what connect() gave you: `createHttp(db)`.',
    also: [],
  },
  held: none,
  waiting: none,
  isPartial: false,
  keys: [],
  opened: null,
  circles: [],
  blocked: none,
  sessions: [],
}

export async function readLocks(db: ObservedDb, request: Request): Promise<LocksDocument> {
  const key = readKey(new URL(request.url).searchParams)
  if (!canAsk(db)) return notConnected
  const { isInstalled, late: _late, ...rest } = await inspectLocks(db, key === undefined ? {} : { key })
  return { isConnected: isInstalled, ...rest }
}

function canAsk(db: ObservedDb): db is ObservedDb & Pick<Db, 'query'> {
  return typeof db.query === 'function'
}

function readKey(query: URLSearchParams): string | undefined {
  const key = query.get('key') ?? ''
  if (key.length > mostKeyChars || key.includes('\0'))
    throw httpError('HF_HTTP_PARAMETER', '`key` is no key of a lock.')
  return key === '' ? undefined : key
}
