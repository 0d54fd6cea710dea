import { isHoldfastError } from '../core/index.js'
import type { Jobs } from '../jobs/index.js'
import type { AccessRule } from './access.js'
import { hasSession, isHttps, readBearer } from './access.js'
import { clashesRoutes } from './clashes-routes.js'
import type { PageEntry, PagesDocument } from './contract.js'
import { httpError } from './errors.js'
import { jobsRoutes } from './jobs-routes.js'
import type { LiveStreams } from './live-stream.js'
import { autopsyRoutes } from './autopsy-api.js'
import { readLatency } from './latency-api.js'
import { takeProfile } from './profile-api.js'
import { readLocks } from './locks-api.js'
import { icon, loginScript, loginStyle, renderLoginPage } from './login-page.js'
import { formatMetrics, metricsContentType } from './metrics.js'
import type { Sampler } from './now.js'
import { toProblem } from './problem.js'
import type { Advise } from './queries-api.js'
import { queriesRoutes } from './queries-routes.js'
import { readFields } from './read-body.js'
import { sagasRoutes } from './sagas-routes.js'
import { formatCookie } from './session.js'
import { loadStaticFiles, serveFile, type StaticFiles } from './static-files.js'
import type { ObservedDb } from './types.js'

export interface Services {
  readonly db: ObservedDb
  readonly jobs: Jobs | undefined
  /** Undefined: this process cannot look for an index. */
  readonly advise: Advise | undefined
  readonly sampler: Sampler
  readonly live: LiveStreams
  readonly rule: AccessRule
  readonly dashboardDir: string | URL | undefined
  version: string
  /** Read on the first use. */
  files: Promise<StaticFiles> | undefined
}

export interface Target {
  /** Path below the base, '' for the base without its slash. */
  path: string
  /** Path of the base as the client sees it, with any prefix that a router put in front. */
  base: string
}

type Answer = (request: Request, services: Services, target: Target) => Response | Promise<Response>

export type Route = Partial<Record<'GET' | 'POST', Answer>>

const pages: PageEntry[] = [
  { name: 'now', title: 'Now', path: './' },
  { name: 'latency', title: 'Latency', path: './latency' },
  { name: 'queries', title: 'Queries', path: './queries' },
  { name: 'findings', title: 'Findings', path: './findings' },
  { name: 'clash', title: 'Clash', path: './clash' },
  { name: 'jobs', title: 'Jobs', path: './jobs' },
  { name: 'locks', title: 'Locks', path: './locks' },
  { name: 'sagas', title: 'Sagas', path: './sagas' },
]

const routes: Readonly<Record<string, Route>> = {
  '': { GET: (request) => redirectToBase(request) },
  '/': { GET: (request, services) => answerFile('index.html', request, services) },
  '/latency': { GET: (request, services) => answerFile('index.html', request, services) },
  '/queries': { GET: (request, services) => answerFile('index.html', request, services) },
  '/findings': { GET: (request, services) => answerFile('index.html', request, services) },
  '/clash': { GET: (request, services) => answerFile('index.html', request, services) },
  '/jobs': { GET: (request, services) => answerFile('index.html', request, services) },
  '/locks': { GET: (request, services) => answerFile('index.html', request, services) },
  '/sagas': { GET: (request, services) => answerFile('index.html', request, services) },
  '/login.js': { GET: (request) => answerText(request, 'text/javascript; charset=utf-8', loginScript) },
  '/login.css': { GET: (request) => answerText(request, 'text/css; charset=utf-8', loginStyle) },
  '/icon.svg': { GET: (request) => answerText(request, 'image/svg+xml', icon) },
  '/metrics': {
    GET: (request, { db, version, sampler }) =>
      answerText(request, metricsContentType, formatMetrics(db, version, sampler.latest)),
  },
  '/api/now': { GET: (request, { sampler }) => answerJson(request, sampler.read()) },
  '/api/live': { GET: (request, { live }) => live.open(request) },
  '/api/latency': { GET: async (request, { db }) => answerJson(request, await readLatency(db, request)) },
  // It costs while it lasts: a POST, so that its origin is checked.
  '/api/latency/profile': { POST: async (request) => answerJson(request, await takeProfile(request)) },
  '/api/locks': { GET: async (request, { db }) => answerJson(request, await readLocks(db, request)) },
  '/api/pages': { GET: listPages },
  '/api/login': { POST: logIn },
  '/api/logout': { POST: logOut },
  ...jobsRoutes,
  ...queriesRoutes,
  ...clashesRoutes,
  ...sagasRoutes,
  ...autopsyRoutes,
}

/** All that is served to strangers: the login page's own files, and the way to the page. */
const publicPaths = new Set(['', '/login.js', '/login.css', '/icon.svg'])

/** Finds the base anywhere in the path, so that a handler mounted below a router's prefix works. @throws HF_HTTP_NOT_FOUND */
export function findRoute(request: Request, basePath: string): Target {
  const { pathname } = new URL(request.url)
  const start = `${pathname}/`.indexOf(`${basePath}/`)
  if (start < 0) throw httpError('HF_HTTP_NOT_FOUND', `The path does not contain ${basePath}/.`)
  const end = start + basePath.length
  return { path: pathname.slice(end), base: pathname.slice(0, end) }
}

export function isPublic(target: Target, request: Request): boolean {
  return publicPaths.has(target.path) && (request.method === 'GET' || request.method === 'HEAD')
}

/** Of a path that is not known as it is, the last part may be an id. */
function pickRoute(path: string): Route | undefined {
  const name = Object.hasOwn(routes, path) ? path : path.replace(/[^/]+$/, ':id')
  return Object.hasOwn(routes, name) ? routes[name] : undefined
}

/** @throws HF_HTTP_NOT_FOUND, HF_HTTP_METHOD and what the route throws */
export async function answerRoute(target: Target, request: Request, services: Services): Promise<Response> {
  const route = pickRoute(target.path)
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (route === undefined) {
    if (method === 'GET') return answerFile(target.path.slice(1), request, services)
    throw httpError('HF_HTTP_NOT_FOUND', 'The dashboard has nothing at this path.')
  }
  const answer = Object.hasOwn(route, method) ? route[method as 'GET' | 'POST'] : undefined
  if (answer !== undefined) return answer(request, services, target)
  const refusal = toProblem(httpError('HF_HTTP_METHOD', `${request.method.slice(0, 16)} is not offered at this path.`))
  refusal.headers.set('allow', Object.keys(route).join(', ').replace('GET', 'GET, HEAD'))
  return refusal
}

/** A person gets a page to log in on, a program the typed error. */
export function renderRefusal(error: unknown, target: Target, request: Request): Response {
  const answer = toProblem(error)
  if (!isHoldfastError(error, 'HF_HTTP_UNAUTHORIZED')) return answer
  answer.headers.set('www-authenticate', 'Bearer realm="holdfast"')
  if (!isNavigation(request) || target.path.startsWith('/api/') || target.path === '/metrics') return answer
  const depth = target.path.split('/').length - 2
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
  const page = request.method === 'HEAD' ? null : renderLoginPage('../'.repeat(depth) || './')
  return new Response(page, { status: answer.status, headers })
}

function isNavigation(request: Request): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  const mode = request.headers.get('sec-fetch-mode')
  return mode === null ? (request.headers.get('accept') ?? '').includes('text/html') : mode === 'navigate'
}

/** Relative to the asked path: an absolute one would have to repeat a prefix that the caller chose (`//evil.example/…`). */
function redirectToBase(request: Request): Response {
  const { pathname, search } = new URL(request.url)
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  return new Response(null, { status: 308, headers: { location: `./${name}/${search}` } })
}

async function answerFile(name: string, request: Request, services: Services): Promise<Response> {
  services.files ??= loadStaticFiles(services.dashboardDir)
  const files = await services.files.catch((error: unknown) => {
    // Not remembered: the build may finish while the process runs.
    services.files = undefined
    throw error
  })
  const file = files.get(name)
  if (file === undefined) throw httpError('HF_HTTP_NOT_FOUND', 'The dashboard has nothing at this path.')
  return serveFile(file, request)
}

function listPages(request: Request, { rule }: Services): Response {
  return answerJson(request, { pages, hasSession: hasSession(rule, request) } satisfies PagesDocument)
}

async function logIn(request: Request, { rule }: Services, target: Target): Promise<Response> {
  if (rule.keeper === undefined)
    throw httpError('HF_HTTP_NO_TOKEN', 'No token is configured, so there is nothing to log in with.')
  const token = readBearer(request) ?? (await readFields(request, { maxBytes: 8192 })).get('token')
  if (token === undefined || !rule.keeper.matches(token)) {
    throw httpError('HF_HTTP_UNAUTHORIZED', 'The login was given a wrong token or none.')
  }
  return setCookie(rule.keeper.issue(), request, target)
}

function logOut(request: Request, _services: Services, target: Target): Response {
  return setCookie('', request, target)
}

function setCookie(value: string, request: Request, target: Target): Response {
  // A path that would end the attribute early falls back to the whole host.
  const path = /^[\w\-.~%/]+$/.test(target.base) ? target.base : '/'
  return new Response(null, { status: 204, headers: { 'set-cookie': formatCookie(value, path, isHttps(request)) } })
}

function answerText(request: Request, type: string, text: string): Response {
  return new Response(request.method === 'HEAD' ? null : text, { headers: { 'content-type': type } })
}

function answerJson(request: Request, document: object): Response {
  return answerText(request, 'application/json; charset=utf-8', JSON.stringify(document))
}
