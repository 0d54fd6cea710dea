import { profileRoute } from '../watch/index.js'
import type { ProfileDocument } from './contract.js'
import { httpError } from './errors.js'
import { readRoute } from './latency-api.js'

const defaultSeconds = 5
/** A person waits for it, and a proxy before that. */
const mostSeconds = 30
const mostFunctions = 30

/** Of this process, from now on: `POST /api/latency/profile?route=GET+/orders&seconds=5`. @throws HF_HTTP_PARAMETER, HF_WATCH_PROFILING */
export async function takeProfile(request: Request): Promise<ProfileDocument> {
  const query = new URL(request.url).searchParams
  const route = readRoute(query)
  const ms = 1_000 * readSeconds(query.get('seconds'))
  const { signal } = request
  return await profileRoute({ ms, limit: mostFunctions, signal, ...(route !== undefined && { route }) })
}

function readSeconds(given: string | null): number {
  const seconds = given === null ? defaultSeconds : Number(given)
  if (seconds >= 1 && seconds <= mostSeconds) return seconds
  throw httpError('HF_HTTP_PARAMETER', `\`seconds\` is a number from 1 to ${mostSeconds}.`)
}
