import { cancel, findJob, listDead, previewRedrive, readJobs, redrive, setPaused } from './jobs-api.js'
import type { Route, Services } from './routes.js'

type Read = (services: Services, query: URLSearchParams) => Promise<object>

/** The page Jobs and its API; every change is a POST, so that it passes the check of its origin. */
export const jobsRoutes: Readonly<Record<string, Route>> = {
  '/api/jobs': { GET: serve(({ jobs }) => readJobs(jobs)) },
  '/api/jobs/dead': { GET: serve(({ jobs }, query) => listDead(jobs, query)) },
  '/api/jobs/preview': { GET: serve(({ jobs }, query) => previewRedrive(jobs, query)) },
  '/api/jobs/job': { GET: serve(({ jobs }, query) => findJob(jobs, query)) },
  '/api/jobs/pause': { POST: setPausedTo(true) },
  '/api/jobs/resume': { POST: setPausedTo(false) },
  '/api/jobs/redrive': { POST: serve(({ jobs }, query) => redrive(jobs, query)) },
  '/api/jobs/cancel': { POST: serve(({ jobs }, query) => cancel(jobs, query)) },
}

function serve(read: Read): NonNullable<Route['GET']> {
  return async (request, services) => {
    const document = await read(services, new URL(request.url).searchParams)
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    return new Response(request.method === 'HEAD' ? null : JSON.stringify(document), { headers })
  }
}

function setPausedTo(isPaused: boolean): NonNullable<Route['POST']> {
  return async (request, { jobs }) => {
    await setPaused(jobs, new URL(request.url).searchParams, isPaused)
    return new Response(null, { status: 204 })
  }
}
