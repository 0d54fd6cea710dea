import type { IncomingMessage, ServerResponse } from 'node:http'

/** What an admission reads of a request. */
export interface AdmissionRequest {
  readonly method: string
  /** Without its query. */
  readonly path: string
  /** Of the TCP peer, not of a header. */
  readonly remoteAddress: string | undefined
  /** By its name in small letters. */
  header(name: string): string | undefined
}

/**
 * Why a request was refused. `late`: it would not have been answered in time. `share`: its client had more waiting than
 * another one that came. `full`: the queue was. `timeout`: it had waited for `maxWaitMs`.
 */
export type ShedReason = 'late' | 'share' | 'full' | 'timeout'

export interface AdmissionOptions {
  /** From when a request comes until it is answered; one that would take longer is refused. Default: twice what one takes alone, which is measured, at least 10 ms. @unit ms */
  deadlineMs?: number
  /** Nobody waits for longer than this. Default: 1 000. @unit ms */
  maxWaitMs?: number
  /** So many wait at most. Default: 1 000. */
  maxQueue?: number
  /** So many are under way at once at most; what is right below that is found out. Default: 1 000. */
  maxConcurrent?: number
  /** Requests are refused for their deadline only after all of them have been late for so long: a burst, or a stall, is waited for. Default: 100. @unit ms */
  graceMs?: number
  /** A header that names whose request it is. Requests without it count by their address. Default: none. */
  clientHeader?: string
  /** Gives whose request it is; undefined for those that share one place. Default: the address of the TCP peer. */
  clientOf?: (request: AdmissionRequest) => string | undefined
  /** Paths that are never queued nor refused, `/internal/*` with all below it. Default: `/health`, `/healthz`, `/livez`, `/readyz`. */
  exempt?: readonly string[]
}

export interface ClientState {
  key: string
  queued: number
  admitted: number
  shed: number
}

export interface AdmissionStats {
  inFlight: number
  queued: number
  /** So many may be under way at once, as things are. */
  limit: number
  /** What a request takes when no other one is under way. 0: not known yet. @unit ms */
  aloneMs: number
  /** @unit ms */
  deadlineMs: number
  /** Requests that would be answered too late are being refused. */
  isShedding: boolean
  admitted: number
  exempt: number
  /** Their clients left while they waited. */
  abandoned: number
  shed: Record<ShedReason, number>
  /** Of the last thousand clients the ten that were refused most, then those that were admitted most. */
  clients: ClientState[]
}

/** A handler of node:http. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface EnterOptions {
  /** The client has left: it does not wait any more. */
  signal?: AbortSignal
}

export interface Admission {
  /**
   * Waits for a place; call what it gives when the request has ended.
   * @throws HF_OVERLOAD_SHED, the reason of `signal`
   */
  enter(request: AdmissionRequest, options?: EnterOptions): Promise<() => void>
  /** Middleware for hono; use it before whatever costs something. */
  hono(): (c: HonoContextLike, next: () => Promise<void>) => Promise<Response | void>
  /** Middleware for express 4 and 5. */
  express(): (request: IncomingMessage, response: ServerResponse, next: () => void) => void
  /** A plugin for fastify 4 and 5. */
  fastify(): (app: FastifyLike, options: unknown, done: () => void) => void
  /** Wraps a handler of node:http. */
  node(handler: NodeHandler): (request: IncomingMessage, response: ServerResponse) => void
  stats(): AdmissionStats
}

/** What is read of hono's context. Structural: hono is no dependency. */
export interface HonoContextLike {
  readonly req: {
    readonly method: string
    readonly path: string
    readonly raw: Request
    header(name: string): string | undefined
  }
  readonly env: unknown
}

export interface FastifyRequestLike {
  readonly raw: IncomingMessage
}

export interface FastifyReplyLike {
  readonly raw: ServerResponse
  code(status: number): FastifyReplyLike
  headers(headers: Record<string, string>): FastifyReplyLike
  send(body: string): unknown
}

export interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown
}

export interface LimiterOptions {
  /** So many run at once. Default: two less than the threads of libuv (UV_THREADPOOL_SIZE, 4), at least 1. */
  max?: number
  /** So many wait at most. Default: 1 000. */
  maxQueue?: number
  /** They wait for so long at most. Default: 5 000. @unit ms */
  deadlineMs?: number
}

export interface LimiterRunOptions {
  /** Ends waiting. */
  signal?: AbortSignal
  /** Whose it is: keys take turns. Default: one for all. */
  key?: string
}

export interface LimiterStats {
  max: number
  running: number
  queued: number
  done: number
  refused: number
  timeouts: number
}

export interface Limiter {
  /**
   * Runs `fn` when it is its turn, and gives what it gives.
   * @throws HF_OVERLOAD_LIMITER_FULL, HF_OVERLOAD_LIMITER_TIMEOUT, the reason of `signal`
   */
  run<T>(fn: () => Promise<T> | T, options?: LimiterRunOptions): Promise<T>
  stats(): LimiterStats
}

export interface OffloadPoolOptions {
  /** So many work at once; started when they are needed. Default: one less than this process has processors, at least 1. */
  threads?: number
  /** So many calls wait for a thread at most. Default: 100. */
  maxQueue?: number
  /** A thread that has had nothing to do for so long ends. Default: 10 000. @unit ms */
  idleMs?: number
  /** Heap of a thread; one that needs more is ended, and its call fails. Default: V8's own. @unit MB */
  maxMemoryMb?: number
}

export interface OffloadRoute {
  route: string
  calls: number
  /** On threads. @unit ms */
  totalMs: number
}

export interface OffloadStats {
  /** At most. */
  threads: number
  running: number
  queued: number
  done: number
  failed: number
  timeouts: number
  aborted: number
  /** Because the queue was full. */
  refused: number
  /** The ten requests' routes that took most of the threads' time. */
  routes: OffloadRoute[]
}

export interface OffloadPool {
  stats(): OffloadStats
  /** Nothing more is begun; what waits fails, what runs is waited for, or with `force` ended. */
  close(options?: { force?: boolean }): Promise<void>
}

export interface OffloadOptions {
  /** From the call to its end, waiting for a thread included. Default: 30 000. @unit ms */
  deadlineMs?: number
  /** Default: the one of the process. */
  pool?: OffloadPool
}

export interface OffloadRunOptions {
  /** Takes a waiting call out of the queue, ends the thread of a running one. */
  signal?: AbortSignal
  /** Default: that of the function. @unit ms */
  deadlineMs?: number
  /** Parameters, or parts of them, that are moved and not copied: ArrayBuffers and the like. Default: none. */
  transfer?: readonly object[]
}

/** A function that runs on a worker thread. */
export interface Offloaded<Args extends unknown[], Result> {
  /**
   * @throws what the function throws, HF_OVERLOAD_QUEUE_FULL, HF_OVERLOAD_DEADLINE, HF_OVERLOAD_CLOSURE,
   * HF_OVERLOAD_FUNCTION, HF_OVERLOAD_CLONE, HF_OVERLOAD_THREAD, HF_OVERLOAD_PISCINA, HF_OVERLOAD_CLOSED
   */
  (...args: Args): Promise<Result>
  /** The same with options. */
  run(args: Args, options?: OffloadRunOptions): Promise<Result>
}
