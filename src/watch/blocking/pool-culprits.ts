import type { RequestContext } from '../../core/early.js'
import type { Finding } from '../findings.js'
import { formatMs, formatShare } from '../words.js'
import { hearHolds } from './pool-holds.js'

/** One that nobody notices is no finding. */
const LEAST_WAIT_MS = 50
const LEAST_MEAN_MS = 20
const ACT_MEAN_MS = 100
/** Of all the time that connections were held; less, and nobody in particular is to blame. */
const CULPRIT_SHARE = 0.3
const MOST_ROUTES = 500

interface Usage {
  route: string
  requests: number
  heldMs: number
  sqlMs: number
  waitMs: number
  mostWaitMs: number
  outboundMs: number
}

/** Which route keeps connections from the others: ranked by the time it held them while the database did nothing for it. */
export class PoolCulprits {
  #routes = new Map<string, Usage>()
  readonly #held = new WeakMap<RequestContext, { heldMs: number; sqlMs: number }>()
  readonly #leave = hearHolds((request, heldMs, sqlMs) => this.#hold(request, heldMs, sqlMs))

  /** Its route may be known only when the request ends. */
  #hold(request: RequestContext, heldMs: number, sqlMs: number): void {
    if (request.watched === 'ended') return void this.#add(request.route, { heldMs, sqlMs })
    const held = this.#held.get(request)
    if (held === undefined) return void this.#held.set(request, { heldMs, sqlMs })
    held.heldMs += heldMs
    held.sqlMs += sqlMs
  }

  endRequest(request: RequestContext): void {
    const { route, poolMs, outboundMs } = request
    const held = this.#held.get(request)
    if (held === undefined && poolMs === 0) return
    const usage = this.#add(route, held ?? { heldMs: 0, sqlMs: 0 })
    if (usage === undefined) return
    usage.requests++
    usage.waitMs += poolMs
    usage.mostWaitMs = Math.max(usage.mostWaitMs, poolMs)
    usage.outboundMs += outboundMs
  }

  #add(route: string, { heldMs, sqlMs }: { heldMs: number; sqlMs: number }): Usage | undefined {
    let usage = this.#routes.get(route)
    if (usage === undefined) {
      if (this.#routes.size >= MOST_ROUTES) return undefined
      usage = { route, requests: 0, heldMs: 0, sqlMs: 0, waitMs: 0, mostWaitMs: 0, outboundMs: 0 }
      this.#routes.set(route, usage)
    }
    usage.heldMs += heldMs
    usage.sqlMs += sqlMs
    return usage
  }

  /** Of what came since the last time. */
  takeFindings(): Finding[] {
    const usages = [...this.#routes.values()]
    this.#routes = new Map()
    const finding = judgeUsage(usages)
    return finding === undefined ? [] : [finding]
  }

  close(): void {
    this.#leave()
  }
}

export function judgeUsage(usages: readonly Usage[]): Finding | undefined {
  const sum = (read: (usage: Usage) => number) => usages.reduce((all, each) => all + read(each), 0)
  const [heldMs, waitMs, requests] = [
    sum((each) => each.heldMs),
    sum((each) => each.waitMs),
    sum((each) => each.requests),
  ]
  const victim = [...usages].sort((a, b) => b.mostWaitMs - a.mostWaitMs)[0]
  const culprit = [...usages].sort((a, b) => idleMs(b) - idleMs(a))[0]
  if (victim === undefined || culprit === undefined) return undefined
  if (victim.mostWaitMs < LEAST_WAIT_MS || waitMs / requests < LEAST_MEAN_MS) return undefined
  if (idleMs(culprit) < CULPRIT_SHARE * heldMs) return undefined
  const calls = culprit.outboundMs > idleMs(culprit) / 2 ? ', while it called another service' : ''
  const each = culprit.heldMs / Math.max(1, culprit.requests)
  const used = culprit.sqlMs / Math.max(1, culprit.requests)
  return {
    kind: 'starved-pool',
    severity: waitMs / requests >= ACT_MEAN_MS ? 'act' : 'watch',
    subject: culprit.route,
    statement: '0',
    route: culprit.route,
    sentence:
      `${culprit.route} held connections for ${formatShare(culprit.heldMs / heldMs)} of the time that any were held: ` +
      `${formatMs(each)} a request, of which the database worked for ${formatMs(used)}${calls}. ` +
      `${victim.route} waited for a connection for up to ${formatMs(victim.mostWaitMs)}.`,
    evidence: {
      wait_ms: Math.round(waitMs),
      most_wait_ms: Math.round(victim.mostWaitMs),
      routes: [...usages]
        .sort((a, b) => idleMs(b) - idleMs(a))
        .slice(0, 5)
        .map(describeUsage),
    },
    fix: 'Take the connection later and give it back sooner: call other services before or after the transaction (`sagas` keeps both in step), and do not compute inside of it.',
    prove: 'holdfast prove pool-starvation',
  }
}

const idleMs = ({ heldMs, sqlMs }: Usage): number => heldMs - sqlMs

function describeUsage({ route, requests, heldMs, sqlMs, waitMs, outboundMs }: Usage) {
  const round = (ms: number) => Math.round(ms)
  return {
    route,
    requests,
    held_ms: round(heldMs),
    sql_ms: round(sqlMs),
    wait_ms: round(waitMs),
    outbound_ms: round(outboundMs),
  }
}
