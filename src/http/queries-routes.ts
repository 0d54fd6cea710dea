import { askAdvice, readFindings, readQueries } from './queries-api.js'
import type { Route, Services } from './routes.js'

type Read = (services: Services, query: URLSearchParams) => Promise<object>

/** The API of the pages Queries and Findings. Advice builds things to try: a POST, so that its origin is checked. */
export const queriesRoutes: Readonly<Record<string, Route>> = {
  '/api/queries': { GET: serve(async ({ db }, query) => await readQueries(db, query)) },
  '/api/findings': { GET: serve(async ({ db }, query) => await readFindings(db, query)) },
  '/api/queries/advice': { POST: serve(async ({ advise }, query) => await askAdvice(advise, query)) },
}

function serve(read: Read): NonNullable<Route['GET']> {
  return async (request, services) => {
    const document = await read(services, new URL(request.url).searchParams)
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    return new Response(request.method === 'HEAD' ? null : JSON.stringify(document), { headers })
  }
}
