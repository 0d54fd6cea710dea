import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { vi } from 'vitest'
import { createHttp, type HttpHandler, type ObservedDb } from '../../src/http/index.js'
import type { Jobs } from '../../src/jobs/index.js'
import { FakeDb } from './fake-db.js'
import { closeServer } from './servers.js'

/** A service whose figures move, with the real handler in front of it. */
export class Service {
  readonly db = new FakeDb()
  #http: HttpHandler | undefined
  #server: Server | undefined
  #traffic: NodeJS.Timeout | undefined
  #port = 0
  readonly #token: string | undefined
  readonly #jobs: Jobs | undefined
  readonly #observed: ObservedDb

  constructor({ token, jobs, observed }: { token?: string; jobs?: Jobs; observed?: ObservedDb } = {}) {
    this.#token = token
    this.#jobs = jobs
    this.#observed = observed ?? this.db
  }

  get url(): string {
    return `http://localhost:${this.#port}/_holdfast/`
  }

  async start(): Promise<void> {
    vi.stubEnv('HOLDFAST_DEV', this.#token === undefined ? '1' : '0')
    vi.stubEnv('HOLDFAST_TOKEN', this.#token ?? '')
    const http = createHttp(this.#observed, this.#jobs === undefined ? {} : { jobs: this.#jobs })
    const server = createServer((request, response) => void http.node(request, response))
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#http = http
    this.#server = server
    vi.unstubAllEnvs()
  }

  sendTraffic(): void {
    this.#traffic = setInterval(() => {
      this.db.count('GET /events', 8)
      this.db.count('POST /orders/:id/payments', 40)
      this.db.count('(unmatched)', 1)
      this.db.pool.busy = 3
    }, 40)
  }

  async stop(): Promise<void> {
    this.#http?.close()
    if (this.#server !== undefined) await closeServer(this.#server)
    this.#server = undefined
  }

  async end(): Promise<void> {
    clearInterval(this.#traffic)
    await this.stop()
  }
}
