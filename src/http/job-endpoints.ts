import { currentRequest } from '../core/index.js'
import type { JobDefinition, Jobs, JobStatus } from '../jobs/index.js'
import { httpError } from './errors.js'
import { openEventStream } from './event-stream.js'
import { toProblem } from './problem.js'
import { ownRoute } from './route-label.js'

const jsonType = 'application/json; charset=utf-8'
/** EventSource comes back after every end of a stream, this one's too: then it is told that there is nothing more. */
const lastId = 'end'

export interface JobEndpointsOptions {
  /** Jobs of these kinds are answered for; the ids of others are as good as unknown. */
  only: readonly JobDefinition<never>[]
  /** Where `fetch` is mounted, as clients see it: `/reports` for `/reports/4711`. */
  basePath: string
  /** May this caller see and cancel this job? Ids can be guessed. Default: whoever reaches the address may. */
  allows?: (request: Request, status: JobStatus) => boolean | Promise<boolean>
  /** What a caller sees of a job. Default: `showStatus`, which shows no text of an error and no reason to wait. */
  show?: (status: JobStatus) => object
  /** Event streams open at once in this process. Default: 100. */
  maxStreams?: number
}

/** `202 Accepted` and what follows it, for jobs that a user waits for. Framework-free: requests in, responses out. */
export interface JobEndpoints {
  /** 202 with the address of the job's status, to answer what has sent it. */
  accept(id: string): Response
  /** `GET <base>/:id`, `GET <base>/:id/events`, `DELETE <base>/:id`. Never rejects: errors are answers, as problem+json. */
  fetch(request: Request): Promise<Response>
  /** Ends the streams that are open. */
  close(): void
}

/**
 * Makes the addresses under which a user follows a job: its status, its events, its cancellation.
 *
 * @example
 * const reports = createJobEndpoints(jobs, { only: [report], basePath: '/reports' })
 * app.post('/report', async () => reports.accept((await jobs.send(report, { … })).id))
 * app.all('/reports/*', (c) => reports.fetch(c.req.raw))
 */
export function createJobEndpoints(jobs: Jobs, options: JobEndpointsOptions): JobEndpoints {
  const endpoints = new Endpoints(jobs, options)
  return {
    accept: (id) => endpoints.accept(id),
    fetch: async (request) => await endpoints.answer(request).catch(toProblem),
    close: () => endpoints.close(),
  }
}

class Endpoints {
  readonly #jobs: Jobs
  readonly #options: JobEndpointsOptions
  readonly #names: ReadonlySet<string>
  readonly #base: string
  readonly #open = new Set<() => void>()

  constructor(jobs: Jobs, options: JobEndpointsOptions) {
    this.#jobs = jobs
    this.#options = options
    this.#names = new Set(options.only.map(({ name }) => name))
    this.#base = `/${options.basePath.replace(/^\/+|\/+$/g, '')}`
  }

  accept(id: string): Response {
    const links = this.#link(id)
    const headers = { 'content-type': jsonType, 'cache-control': 'no-store', location: links.status }
    return new Response(JSON.stringify({ id, ...links }), { status: 202, headers })
  }

  #link(id: string): { status: string; events: string } {
    return { status: `${this.#base}/${id}`, events: `${this.#base}/${id}/events` }
  }

  async answer(request: Request): Promise<Response> {
    const { id, isEvents } = this.#readPath(request)
    const { method } = request
    const allowed = isEvents ? ['GET', 'HEAD'] : ['GET', 'HEAD', 'DELETE']
    if (!allowed.includes(method)) return refuseMethod(allowed)
    const status = await this.#find(request, id)
    if (method === 'DELETE') return await this.#cancel(status)
    return isEvents ? this.#stream(request, status) : this.#answerStatus(request, status)
  }

  /** @throws HF_HTTP_NOT_FOUND */
  #readPath(request: Request): { id: string; isEvents: boolean } {
    const { pathname } = new URL(request.url)
    const start = pathname.indexOf(`${this.#base}/`)
    const rest = start < 0 ? '' : pathname.slice(start + this.#base.length + 1)
    const [, id, events] = /^(\d{1,18})(\/events)?$/.exec(rest) ?? []
    if (id === undefined) throw httpError('HF_HTTP_NOT_FOUND', `Below ${this.#base}/ there are jobs by their ids.`)
    return { id, isEvents: events !== undefined }
  }

  /** A job of another kind, or one that is somebody else's, is answered like one that does not exist. @throws HF_HTTP_JOB_NOT_FOUND */
  async #find(request: Request, id: string): Promise<JobStatus> {
    const status = await this.#jobs.status(id)
    const isKnown = status !== undefined && this.#names.has(status.name)
    const { allows = () => true } = this.#options
    if (isKnown && (await allows(request, status))) return status
    throw httpError('HF_HTTP_JOB_NOT_FOUND', `There is no job ${id} to be seen here.`)
  }

  #show(status: JobStatus): object {
    const { show = showStatus } = this.#options
    return { ...show(status), links: this.#link(status.id) }
  }

  #answerStatus(request: Request, status: JobStatus): Response {
    const headers = new Headers({ 'content-type': jsonType, 'cache-control': 'no-store' })
    if (!hasEnded(status)) headers.set('retry-after', '1')
    return new Response(request.method === 'HEAD' ? null : JSON.stringify(this.#show(status)), { headers })
  }

  /** @throws HF_HTTP_JOB_ENDED, HF_HTTP_JOB_NOT_FOUND */
  async #cancel(status: JobStatus): Promise<Response> {
    const { id } = status
    const answer = hasEnded(status) ? 'not-found' : await this.#jobs.cancel(id)
    const now = await this.#jobs.status(id)
    const state = now?.state ?? (answer === 'cancelled' ? 'cancelled' : status.state)
    // Asked twice, it is cancelled once: the second answer is no error.
    if (answer === 'not-found' && state !== 'cancelled')
      throw httpError('HF_HTTP_JOB_ENDED', `The job ${id} has ended (${state}); there is nothing to cancel.`)
    const headers = { 'content-type': jsonType, 'cache-control': 'no-store' }
    const body = JSON.stringify(this.#show({ ...(now ?? status), state }))
    return new Response(body, { status: answer === 'asked' ? 202 : 200, headers })
  }

  /** @throws HF_HTTP_TOO_MANY_STREAMS */
  #stream(request: Request, status: JobStatus): Response {
    if (request.headers.get('last-event-id') === lastId) return new Response(null, { status: 204 })
    const { maxStreams = 100 } = this.#options
    if (this.#open.size >= maxStreams)
      throw httpError('HF_HTTP_TOO_MANY_STREAMS', `All ${maxStreams} event streams of this process are in use.`)
    markStream()
    return openEventStream(request, ({ send, end }) => {
      const leaving = new AbortController()
      this.#open.add(end)
      void this.#sendAll(status, send, leaving.signal)
        // It comes back and is told what is wrong: a stream has no status to say it with.
        .catch(() => undefined)
        .finally(end)
      return () => {
        this.#open.delete(end)
        leaving.abort()
      }
    })
  }

  async #sendAll(first: JobStatus, send: (text: string) => void, signal: AbortSignal): Promise<void> {
    let last = first
    for await (const status of this.#jobs.watch(first.id, { signal, deadlineMs: 0 })) {
      last = status
      send(`${hasEnded(status) ? `id: ${lastId}\n` : ''}data: ${JSON.stringify(this.#show(status))}\n\n`)
    }
    // A job that is not kept: that it has ended is all that is known.
    if (!hasEnded(last)) send(`id: ${lastId}\ndata: ${JSON.stringify({ id: last.id, state: 'gone' })}\n\n`)
  }

  close(): void {
    for (const end of this.#open) end()
  }
}

/** A stream of minutes would stand in the figures as a slow request. */
function markStream(): void {
  const context = currentRequest()
  if (context !== undefined) context.route = ownRoute
}

function hasEnded({ state }: JobStatus): boolean {
  return state === 'succeeded' || state === 'dead' || state === 'cancelled'
}

/** What a stranger may know: no text of an error, which may hold what a query held, and nothing of queues. */
export function showStatus(status: JobStatus): object {
  const { id, state, isCancelling, attempt, progress, sentAt, finishedAt, expiresAt, result } = status
  return { id, state, isCancelling, attempt, progress, sentAt, finishedAt, expiresAt, result }
}

function refuseMethod(allowed: readonly string[]): Response {
  const answer = toProblem(httpError('HF_HTTP_METHOD', `Here one may ${allowed.join(', ')}.`))
  answer.headers.set('allow', allowed.join(', '))
  return answer
}
