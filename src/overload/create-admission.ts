import { validateOptions } from '../core/index.js'
import { Clients } from './clients.js'
import { admitExpress } from './express.js'
import { admitFastify } from './fastify.js'
import { Gate } from './gate.js'
import { admitHono } from './hono.js'
import { admitNode } from './node.js'
import { admissionOptionTable, overloadDefaults } from './options.js'
import { refuseError } from './refusal.js'
import type { Admission, AdmissionOptions, AdmissionRequest, AdmissionStats, ShedReason } from './types.js'

/** Requests that have no client of their own share this place. */
const NOBODY = ''

/** How a middleware asks. `begin` and `refuse` are called once, one of them, at once or later; what it gives takes a waiting request out. */
export type Enter = (
  request: AdmissionRequest,
  begin: (leave: () => void) => void,
  refuse: (reason: ShedReason) => void,
) => (() => void) | undefined

const doNothing = () => {}

/**
 * Keeps a process answering when there are more requests than it can answer: they wait for a short time in a queue in
 * which clients take turns, and those that would be answered too late are refused at once. One for each process.
 *
 * @throws HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export function createAdmission(options: AdmissionOptions = {}): Admission {
  validateOptions('createAdmission', options, admissionOptionTable)
  const { maxWaitMs, maxQueue, maxConcurrent, graceMs } = { ...overloadDefaults, ...dropUndefined(options) }
  const gate = new Gate({ deadlineMs: options.deadlineMs, maxWaitMs, maxQueue, maxConcurrent, graceMs })
  const clients = new Clients()
  const isExempt = matchPaths(options.exempt ?? overloadDefaults.exempt)
  const clientOf = readClient(options)
  const shed: Record<ShedReason, number> = { late: 0, share: 0, full: 0, timeout: 0 }
  let admitted = 0
  let exempt = 0
  let abandoned = 0

  const enter: Enter = (request, begin, refuse) => {
    if (isExempt(request.path)) {
      exempt++
      begin(doNothing)
      return undefined
    }
    const key = clientOf(request)
    const counts = clients.of(key)
    const takeOut = gate.enter({
      key,
      begin: (leave) => {
        admitted++
        counts.admitted++
        begin(leave)
      },
      refuse: (reason) => {
        shed[reason]++
        counts.shed++
        refuse(reason)
      },
    })
    return (
      takeOut &&
      (() => {
        if (takeOut()) abandoned++
      })
    )
  }

  function stats(): AdmissionStats {
    const { inFlight, queued, deadlineMs, isStrict: isShedding, concurrency } = gate
    const { limit, aloneMs } = concurrency
    const top = clients.listTop((key) => gate.queuedOf(key))
    const now = { inFlight, queued, limit, aloneMs, deadlineMs, isShedding }
    return { ...now, admitted, exempt, abandoned, shed: { ...shed }, clients: top }
  }

  return {
    enter: async (request, { signal } = {}) =>
      await new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error)
        const takeOut = enter(request, settle(resolve), (reason) => settle(reject)(refuseError(reason)))
        const onAbort = () => {
          takeOut?.()
          reject(signal?.reason as Error)
        }
        if (takeOut) signal?.addEventListener('abort', onAbort, { once: true })
        function settle<T>(call: (value: T) => void): (value: T) => void {
          return (value) => {
            signal?.removeEventListener('abort', onAbort)
            call(value)
          }
        }
      }),
    hono: () => admitHono(enter),
    express: () => admitExpress(enter),
    fastify: () => admitFastify(enter),
    node: (handler) => admitNode(enter, handler),
    stats,
  }
}

function dropUndefined<T extends object>(options: T): { [K in keyof T]-?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

function readClient({ clientHeader, clientOf }: AdmissionOptions): (request: AdmissionRequest) => string {
  if (clientOf) return (request) => clientOf(request) ?? NOBODY
  const name = clientHeader?.toLowerCase()
  if (name === undefined) return ({ remoteAddress }) => remoteAddress ?? NOBODY
  return (request) => request.header(name) ?? request.remoteAddress ?? NOBODY
}

function matchPaths(patterns: readonly string[]): (path: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('/*')))
  const below = patterns.filter((pattern) => pattern.endsWith('/*')).map((pattern) => pattern.slice(0, -1))
  return (path) => exact.has(path) || below.some((start) => path.startsWith(start))
}
