import { findClash, readClashes } from './clashes-api.js'
import type { Route } from './routes.js'
import type { ObservedDb } from './types.js'

/** The API of the page Clash. It reads; a replay is a command's, because it starts the application. */
export const clashesRoutes: Readonly<Record<string, Route>> = {
  '/api/clashes': { GET: serve(async (db, { searchParams }) => await readClashes(db, searchParams)) },
  '/api/clashes/:id': { GET: serve(async (db, { pathname }) => await findClash(db, readId(pathname))) },
}

const readId = (pathname: string): string => pathname.slice(pathname.lastIndexOf('/') + 1)

function serve(read: (db: ObservedDb, url: URL) => Promise<object>): NonNullable<Route['GET']> {
  return async (request, { db }) => {
    const document = await read(db, new URL(request.url))
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    return new Response(request.method === 'HEAD' ? null : JSON.stringify(document), { headers })
  }
}
