import { fileURLToPath } from 'node:url'
import { formatPlace, isUsers } from '../blocking/place.js'
import type { Frame } from '../blocking/beat.js'

/** Enough to get through a query builder, and through an `await` or two. */
const FRAMES = 24

/** Where a statement was asked for: its text is made only if it is of interest. */
export interface CallStack {
  readonly stack?: string
  /** Where its connection was asked for: `pool.query` sends it in a callback. */
  outer?: CallStack | undefined
}

let users = 0

export const capturesSites = (): boolean => users > 0

/** Until the function that it gives is called. */
export function captureSites(): () => void {
  users++
  let isOver = false
  return () => {
    if (!isOver) users--
    isOver = true
  }
}

/** Each takes some 20 µs, twice for a statement: a process under load has learned its lines soon. */
const MOST_PER_SECOND = 200
/** Of those that come after them. */
const ONE_OF = 16

let since = 0
let asked = 0

function mayCapture(): boolean {
  const now = performance.now()
  if (now - since > 1_000) [since, asked] = [now, 0]
  return ++asked <= MOST_PER_SECOND || asked % ONE_OF === 0
}

/** Nothing where nobody traces, and of many in a second not each. */
export function captureSite(client?: object): CallStack | undefined {
  if (users === 0 || !mayCapture()) return undefined
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = FRAMES
  const holder: CallStack = {}
  Error.captureStackTrace(holder, captureSite)
  Error.stackTraceLimit = stackTraceLimit
  if (client !== undefined) holder.outer = checkouts.get(client)
  return holder
}

const checkouts = new WeakMap<object, CallStack>()

/** Whoever had it before stood at another line. */
export function noteCheckout(client: object, site: CallStack | undefined): void {
  if (site !== undefined) checkouts.set(client, site)
  else if (users > 0) checkouts.delete(client)
}

/** The application's line, as `src/orders.ts:41`; '': none could be told. */
export function readSite(holder: CallStack | undefined): string {
  const frames = (holder?.stack ?? '').split('\n').flatMap(readFrame)
  const found = frames.find((frame) => isUsers(frame) && !frame.url.includes('/node_modules/'))
  if (found) return formatPlace(found)
  return holder?.outer === undefined ? '' : readSite(holder.outer)
}

function readFrame(line: string): Frame[] {
  if (line.includes('node:')) return []
  const found = /(?:at (?:async )?(.*?) \()?((?:file:\/\/)?\/[^():]+):(\d+):(\d+)\)?$/.exec(line.trim())
  if (!found) return []
  const [, name = '', path = '', row = '', column = ''] = found
  const url = path.startsWith('file:') ? fileURLToPath(path) : path
  return [{ name, url, line: Number(row), column: Number(column) }]
}
