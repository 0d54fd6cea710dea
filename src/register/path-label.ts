import { OVERFLOW_ROUTE } from '../core/early.js'
import { labelRoute, unmatchedRoute } from '../http/route-label.js'

/** Different words at one place of a path; more are names of things, such as users. */
const MOST_WORDS = 10
const MOST_SEGMENTS = 6
const MOST_LABELS = 200

const word = /^[a-z][a-z._-]{0,30}$/
const version = /^v\d{1,2}$/

interface Place {
  words: Map<string, Place>
  /** What is no word. */
  other: Place | undefined
}

const root: Place = { words: new Map(), other: undefined }
const labels = new Set<string>()

/**
 * `GET /orders/:id`, of a path alone: for servers without a router. What has digits, capitals or signs in it is an id;
 * words stay, up to ten at each place.
 */
export function labelPath(method: string | undefined, url: string): string {
  const [path = ''] = url.split(/[?#]/, 1)
  if (!path.startsWith('/')) return unmatchedRoute
  const segments = path.split('/').slice(1)
  const named = nameSegments(segments.slice(0, MOST_SEGMENTS))
  const label = labelRoute(method, `/${named.join('/')}${segments.length > MOST_SEGMENTS ? '/*' : ''}`)
  if (labels.has(label)) return label
  if (labels.size >= MOST_LABELS) return OVERFLOW_ROUTE
  labels.add(label)
  return label
}

function nameSegments(segments: readonly string[]): string[] {
  let place = root
  return segments.map((segment) => {
    const isWord = segment === '' || word.test(segment) || version.test(segment)
    const known = isWord ? (place.words.get(segment) ?? openWord(place, segment)) : undefined
    place = known ?? (place.other ??= { words: new Map(), other: undefined })
    return known ? segment : ':id'
  })
}

function openWord({ words }: Place, segment: string): Place | undefined {
  if (words.size >= MOST_WORDS) return undefined
  const place = { words: new Map(), other: undefined }
  words.set(segment, place)
  return place
}
