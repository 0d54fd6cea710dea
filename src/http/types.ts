import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Db, Logger } from '../core/index.js'
import type { Jobs } from '../jobs/index.js'

/** What the dashboard needs of a database; a `Db` satisfies it. Without `query` the page Locks is empty, and says so. */
export type ObservedDb = Pick<Db, 'stats' | 'server'> & Partial<Pick<Db, 'query'>>

/** What the request adapters need of a database; a `Db` satisfies it. */
export type RequestDb = Pick<Db, 'runRequest'>

export interface HttpOptions {
  /** What createJobs() gave; the page Jobs shows and steers it. Default: none, and the page says so. */
  jobs?: Jobs
  /** Opens the dashboard, its API and /metrics. An empty string counts as none. Default: the environment variable HOLDFAST_TOKEN. */
  token?: string
  /** Where the handler lives; a prefix in front of it (a mounted router) is found by itself. Default: `/_holdfast`. */
  basePath?: string
  /** Folder of the built dashboard, for applications that are bundled into one file. Default: the one in this package. */
  dashboardDir?: string | URL
  /** Receives what cannot be answered. Default: warnings and errors as JSON lines on stderr. */
  logger?: Logger
}

/** Who is at the other end of the connection. */
export interface Peer {
  /** Address of the TCP peer, not of a header. Unknown counts as remote. */
  remoteAddress?: string | undefined
}

export interface HttpHandler {
  /** Answers a web-standard request; never rejects. Without `peer` the caller counts as remote, so a token is needed. */
  fetch(request: Request, peer?: Peer): Promise<Response>
  /** Answers a request of node:http, express, or fastify after `reply.hijack()`. Resolves when the response has ended or the client has gone. */
  node(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Ends live streams and the sampler. Answers 503 from then on. */
  close(): void
}
