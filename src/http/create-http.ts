import type { IncomingMessage, ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import { currentRequest, isHoldfastError, type Logger, stderrLogger } from '../core/index.js'
import { checkAccess, checkHost, checkOrigin, readAccessRule } from './access.js'
import { createAdvise } from './advice-api.js'
import { httpError } from './errors.js'
import { LiveStreams } from './live-stream.js'
import { sendWebResponse, toWebRequest } from './node-bridge.js'
import { Sampler } from './now.js'
import { toProblem } from './problem.js'
import { ownRoute } from './route-label.js'
import { answerRoute, findRoute, isPublic, renderRefusal, type Services } from './routes.js'
import type { HttpHandler, HttpOptions, ObservedDb, Peer } from './types.js'

/** Serves the dashboard, its API and /metrics for one database connection. Starts the sampler, so that history exists when somebody looks. */
export function createHttp(db: ObservedDb, options: HttpOptions = {}): HttpHandler {
  const logger = options.logger ?? stderrLogger
  const rule = readAccessRule(options.token, process.env)
  warnOfWeakToken(options.token ?? process.env['HOLDFAST_TOKEN'], logger)
  const sampler = new Sampler(db, () => services.version)
  const live = new LiveStreams(sampler)
  const services: Services = {
    db,
    jobs: options.jobs,
    advise: createAdvise(db),
    sampler,
    live,
    rule,
    version: '',
    dashboardDir: options.dashboardDir,
    files: undefined,
  }
  readVersion().then(
    (version) => (services.version = version),
    () => undefined,
  )
  const basePath = normalizeBase(options.basePath ?? '/_holdfast')
  let isClosed = false
  sampler.start()

  async function answer(request: Request, peer: Peer): Promise<Response> {
    if (isClosed) throw httpError('HF_HTTP_CLOSED', 'This handler was closed.')
    markOwnRequest()
    checkHost(request)
    const target = findRoute(request, basePath)
    if (isPublic(target, request)) return answerRoute(target, request, services)
    try {
      checkOrigin(request)
      // The login itself is the one change that a stranger may ask for.
      if (target.path !== '/api/login') checkAccess(rule, request, peer)
    } catch (error) {
      return renderRefusal(error, target, request)
    }
    return answerRoute(target, request, services)
  }

  async function fetch(request: Request, peer: Peer = {}): Promise<Response> {
    try {
      return protect(await answer(request, peer))
    } catch (error) {
      if (!isHoldfastError(error)) logger.error({ err: describe(error) }, 'the dashboard failed to answer')
      return protect(toProblem(error))
    }
  }

  async function node(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      const web = toWebRequest(request, gone.signal)
      await sendWebResponse(await fetch(web, { remoteAddress: request.socket.remoteAddress }), request, response)
    } catch (error) {
      if (response.headersSent) return void response.destroy()
      await sendWebResponse(protect(toProblem(error)), request, response)
    }
  }

  function close(): void {
    isClosed = true
    live.closeAll()
    sampler.stop()
  }

  return { fetch, node, close }
}

function markOwnRequest(): void {
  const context = currentRequest()
  if (context !== undefined) context.route = ownRoute
}

function protect(answer: Response): Response {
  const { headers } = answer
  headers.set(
    'content-security-policy',
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  )
  headers.set('x-content-type-options', 'nosniff')
  headers.set('referrer-policy', 'no-referrer')
  // Keeps figures out of other sites' pages even where `holdfast dev` asks for no token.
  headers.set('cross-origin-resource-policy', 'same-origin')
  headers.set('cross-origin-opener-policy', 'same-origin')
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  return answer
}

function normalizeBase(basePath: string): string {
  const trimmed = basePath.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `/${trimmed}`
}

function warnOfWeakToken(token: string | undefined, logger: Logger): void {
  const length = (token ?? '').trim().length
  if (length === 0 || length >= 16) return
  logger.warn({ length }, 'the dashboard token is short enough to be guessed; use at least 16 random characters')
}

/** Both src/http and dist/http lie two folders below package.json. */
async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function describe(error: unknown): object {
  return error instanceof Error
    ? { name: error.name, message: error.message, stack: error.stack }
    : { name: typeof error }
}
