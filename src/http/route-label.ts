/** What matched no route: one row for all of them, because a scanner would else fill the table with raw paths. */
export const unmatchedRoute = '(unmatched)'

/** Requests to the dashboard itself: a live stream of minutes would stand in the figures as a slow request. */
export const ownRoute = '(holdfast)'

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])

/** `GET /orders/:id`. Methods beyond the usual ones share one name, because the caller chooses them. */
export function labelRoute(method: string | undefined, pattern: string): string {
  const upper = (method ?? '').toUpperCase()
  return `${methods.has(upper) ? upper : 'OTHER'} ${pattern}`
}
