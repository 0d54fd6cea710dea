import type { Route } from './routes.js'
import { cancelSaga, findSaga, readSagas, retrySaga, skipUndo } from './sagas-api.js'
import type { ObservedDb } from './types.js'

type Read = (db: ObservedDb, query: URLSearchParams) => Promise<object>

/** The API of the page Sagas; every change is a POST, so that it passes the check of its origin. */
export const sagasRoutes: Readonly<Record<string, Route>> = {
  '/api/sagas': { GET: serve(readSagas) },
  '/api/sagas/saga': { GET: serve(findSaga) },
  '/api/sagas/cancel': { POST: serve(cancelSaga) },
  '/api/sagas/retry': { POST: serve(retrySaga) },
  '/api/sagas/skip': { POST: serve(skipUndo) },
}

function serve(read: Read): NonNullable<Route['GET']> {
  return async (request, { db }) => {
    const document = await read(db, new URL(request.url).searchParams)
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    return new Response(request.method === 'HEAD' ? null : JSON.stringify(document), { headers })
  }
}
