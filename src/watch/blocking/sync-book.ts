import type { RequestContext } from '../../core/early.js'
import type { Finding } from '../findings.js'
import { formatMs } from '../words.js'
import { adviseCall } from './advise-call.js'
import type { Frame } from './beat.js'
import { describePlace, describeStack, findPlace, formatPlace, isUsers } from './place.js'
import { captureFrames } from './stack.js'

/** From here on its line is read each time, within the budget. */
const SLOW_MS = 1
/** Of shorter ones the line is read of the first, and then of one in so many; drawn, as calls come in a fixed order. */
const FIRST = 5
const EVERY = 64
/** Lines read in a second: some 20 µs each. */
const BUDGET = 50
const MOST_SITES = 200
const KEPT_REQUESTS = 16
/** A handful of short calls is nobody's trouble. */
const FEW_CALLS = 20
const WATCH_SHARE = 0.005
const ACT_SHARE = 0.05
const ACT_MS = 50

interface Site {
  name: string
  frames: readonly Frame[]
  calls: number
  ms: number
  mostMs: number
  /** The last ones: a route may be known only when the request has ended. */
  requests: RequestContext[]
}

interface Pending {
  seen: number
  nextRead: number
  /** Since a line was read last: they count for the line that is read next. */
  calls: number
  ms: number
  /** Its line that was read last. */
  site?: Site | undefined
}

/** Counts synchronous calls by their line. Lines are read of the slow ones, and of a few of the others. */
export class SyncBook {
  readonly #pending = new Map<string, Pending>()
  #sites = new Map<string, Site>()
  #since = performance.now()
  #budget = BUDGET
  #budgetAt = performance.now()

  note(name: string, ms: number, request: RequestContext): void {
    const pending = this.#pending.get(name) ?? { seen: 0, nextRead: FIRST, calls: 0, ms: 0 }
    this.#pending.set(name, pending)
    pending.seen++
    const isSlow = ms >= SLOW_MS
    if (!isSlow) {
      pending.calls++
      pending.ms += ms
    }
    if (!(isSlow || pending.seen <= FIRST || pending.seen >= pending.nextRead) || !this.#spend()) return
    if (pending.seen >= pending.nextRead) pending.nextRead = pending.seen + 1 + Math.floor(Math.random() * 2 * EVERY)
    const frames = captureFrames()
    const counted = isSlow ? { calls: 1, ms } : { calls: pending.calls, ms: pending.ms }
    if (!isSlow) pending.calls = pending.ms = 0
    // A module that is loaded late, by the first request of its kind: once, and no call of the application's.
    const site = isOfLoader(frames) ? undefined : this.#add(name, frames, counted, ms, request)
    // Where all that were read were slow, the short ones beside them are of their line, as far as anybody knows.
    if (!isSlow || pending.site === undefined) pending.site = site
  }

  #spend(): boolean {
    const now = performance.now()
    if (now - this.#budgetAt >= 1_000) [this.#budget, this.#budgetAt] = [BUDGET, now]
    return this.#budget-- > 0
  }

  #add(
    name: string,
    frames: Frame[],
    counted: { calls: number; ms: number },
    ms: number,
    request: RequestContext,
  ): Site | undefined {
    const { at } = findPlace(frames)
    const key = `${name} ${at?.url}:${at?.line}:${at?.column}`
    const site = this.#sites.get(key) ?? { name, frames, calls: 0, ms: 0, mostMs: 0, requests: [] }
    if (at === undefined || (!this.#sites.has(key) && this.#sites.size >= MOST_SITES)) return undefined
    this.#sites.set(key, site)
    site.calls += counted.calls
    site.ms += counted.ms
    if (site.requests.length < KEPT_REQUESTS) site.requests.push(request)
    if (ms > site.mostMs) {
      site.mostMs = ms
      site.frames = frames
    }
    return site
  }

  /** What came since a line was read last is of that one, as far as anybody knows. */
  #settle(): void {
    for (const pending of this.#pending.values()) {
      const { site, calls, ms } = pending
      pending.calls = pending.ms = 0
      // Read again soon: the next line may be another.
      pending.nextRead = pending.seen + 1
      if (site === undefined) continue
      pending.site = undefined
      site.calls += calls
      site.ms += ms
    }
  }

  /** What came since the last time, as findings. */
  takeFindings(): Finding[] {
    this.#settle()
    const sites = [...this.#sites.values()]
    const elapsedMs = performance.now() - this.#since
    this.#sites = new Map()
    this.#since = performance.now()
    return sites
      .filter(({ calls, ms, mostMs }) => mostMs >= SLOW_MS || ms / elapsedMs >= WATCH_SHARE || calls >= FEW_CALLS)
      .map((site) => describeSite(site, elapsedMs))
  }
}

function describeSite({ name, frames, calls, ms, mostMs, requests }: Site, elapsedMs: number): Finding {
  const place = findPlace(frames)
  const share = ms / elapsedMs
  const routes = countRoutes(requests)
  const [route = ''] = routes
  const of = routes.length > 1 ? ` of ${routes.length} routes` : ''
  return {
    kind: 'sync-call',
    severity:
      share >= ACT_SHARE || mostMs >= ACT_MS ? 'act' : share >= WATCH_SHARE || mostMs >= SLOW_MS ? 'watch' : 'info',
    subject: place.at === undefined ? '' : formatPlace(place.at),
    statement: '0',
    route,
    sentence:
      `${name} ran ${calls === 1 ? 'once' : `${calls} times`} inside of requests${of} in ${formatMs(elapsedMs)}, for ${formatMs(ms)} ` +
      `(${formatSmallShare(share)} of the event loop’s time; ${formatMs(mostMs)} at most): ${describePlace(place)}.`,
    evidence: {
      calls,
      ms: Math.round(ms * 100) / 100,
      most_ms: Math.round(mostMs * 100) / 100,
      share: Math.round(share * 10_000) / 10_000,
      routes,
      stack: describeStack(frames),
    },
    fix: adviseCall(name),
    prove: 'holdfast prove sync-over-async',
  }
}

/** Those that came most often first; one that no router knew comes last. */
function countRoutes(requests: readonly RequestContext[]): string[] {
  const counts = new Map<string, number>()
  for (const { route } of requests) if (route !== '(none)') counts.set(route, (counts.get(route) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a).map(([route]) => route)
}

function isOfLoader(frames: readonly Frame[]): boolean {
  const users = frames.findIndex(isUsers)
  return frames.slice(0, Math.max(0, users)).some(({ url }) => url.startsWith('node:internal/modules/'))
}

const formatSmallShare = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
