/** What matched no route: one row for all of them, because a scanner would else fill the table with raw paths. */
export const unmatchedRoute = '(unmatched)'

/** Requests to the dashboard itself: a live stream of minutes would stand in the figures as a slow request. */
export const ownRoute = '(holdfast)'

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])

/** An application has so many routes at most; whoever takes paths for patterns has more, and pays for joining them. */
const MOST_LABELS = 1_000

/** By method and pattern: a text that is joined anew for each request is hashed anew in every table that counts by it. */
const labels = new Map<string, Map<string, string>>()
let labelled = 0

/** `GET /orders/:id`. Methods beyond the usual ones share one name, because the caller chooses them. */
export function labelRoute(method: string | undefined, pattern: string): string {
  const upper = (method ?? '').toUpperCase()
  const name = methods.has(upper) ? upper : 'OTHER'
  return labels.get(name)?.get(pattern) ?? openLabel(name, pattern)
}

function openLabel(name: string, pattern: string): string {
  const label = `${name} ${pattern}`
  if (labelled >= MOST_LABELS) return label
  const ofMethod = labels.get(name) ?? new Map<string, string>()
  labels.set(name, ofMethod.set(pattern, label))
  labelled++
  return label
}
