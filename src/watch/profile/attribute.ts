import type { Profiler } from 'node:inspector'
import type { RequestContext } from '../../core/early.js'
import { formatPlace } from '../blocking/place.js'

export interface ProfiledFunction {
  /** `''`: has no name. */
  name: string
  /** `src/report.ts:41`, `node:crypto:120`; `''`: V8's own, such as the garbage collector. */
  place: string
  /** In itself. @unit ms */
  selfMs: number
  /** In itself and in what it called. @unit ms */
  totalMs: number
  /** `selfMs` of all that the route used. */
  share: number
}

export interface RouteProfile {
  /** The one that is listed; `''`: no request ran. */
  route: string
  /** It was looked at for so long. @unit ms */
  ms: number
  /** What its requests used of the main thread. @unit ms */
  cpuMs: number
  /** Those that used most of it, by what they used themselves. */
  functions: ProfiledFunction[]
  /** All that ran, the most first; `''`: outside of requests. @unit ms */
  routes: { route: string; cpuMs: number }[]
  /** Of that route alone, as Chrome's developer tools and `cpupro` read it (`.cpuprofile`). */
  cpuprofile: Profiler.Profile
}

interface Switches {
  readonly at: readonly number[]
  readonly requests: readonly (RequestContext | undefined)[]
}

/** Nobody works then. */
const idle = new Set(['(idle)', '(program)'])
const NO_ROUTE = '(none)'

interface Attributed {
  /** The node of each sample, its route, and the time until the next. @unit µs */
  samples: { node: number; route: string; us: number }[]
  nodes: Map<number, Profiler.ProfileNode>
}

/** Gives each look of the profiler to the route whose request's code ran then. */
export function attribute(
  profile: Profiler.Profile,
  switches: Switches,
  wanted: string | undefined,
  limit: number,
): RouteProfile {
  const attributed = joinSamples(profile, switches)
  const routes = sumRoutes(attributed)
  const route = wanted ?? routes.find((each) => each.route !== '')?.route ?? ''
  const cpuMs = routes.find((each) => each.route === route)?.cpuMs ?? 0
  return {
    route,
    ms: Math.round((profile.endTime - profile.startTime) / 1_000),
    cpuMs,
    functions: sumFunctions(attributed, route, cpuMs).slice(0, limit),
    routes,
    cpuprofile: narrow(profile, attributed, route),
  }
}

function joinSamples(
  { nodes, samples = [], timeDeltas = [], startTime }: Profiler.Profile,
  { at, requests }: Switches,
): Attributed {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const joined: Attributed['samples'] = []
  let [now, place] = [startTime, -1]
  for (const [n, node] of samples.entries()) {
    now += timeDeltas[n] ?? 0
    while ((at[place + 1] ?? Infinity) <= now) place++
    const route = requests[place]?.route ?? ''
    joined.push({ node, route: route === NO_ROUTE ? '' : route, us: Math.max(0, timeDeltas[n + 1] ?? 0) })
  }
  return { samples: joined, nodes: byId }
}

const isIdle = ({ nodes }: Attributed, node: number): boolean => idle.has(nodes.get(node)?.callFrame.functionName ?? '')

function sumRoutes(attributed: Attributed): { route: string; cpuMs: number }[] {
  const sums = new Map<string, number>()
  for (const { node, route, us } of attributed.samples)
    if (!isIdle(attributed, node)) sums.set(route, (sums.get(route) ?? 0) + us)
  return [...sums].map(([route, us]) => ({ route, cpuMs: toMs(us) })).sort((a, b) => b.cpuMs - a.cpuMs)
}

function sumFunctions(attributed: Attributed, route: string, cpuMs: number): ProfiledFunction[] {
  const functions = new Map<string, ProfiledFunction>()
  const parents = findParents(attributed.nodes)
  for (const { node, route: of, us } of attributed.samples) {
    if (of !== route || isIdle(attributed, node)) continue
    const counted = new Set<ProfiledFunction>()
    for (let id: number | undefined = node; id !== undefined; id = parents.get(id)) {
      const each = findFunction(functions, attributed.nodes.get(id))
      if (each === undefined) continue
      if (id === node) each.selfMs += us
      // Of a function that calls itself, once.
      if (!counted.has(each)) each.totalMs += us
      counted.add(each)
    }
  }
  const all = [...functions.values()].sort((a, b) => b.selfMs - a.selfMs)
  return all.map(({ selfMs, totalMs, ...each }) => ({
    ...each,
    selfMs: toMs(selfMs),
    totalMs: toMs(totalMs),
    share: cpuMs === 0 ? 0 : Math.round((selfMs / 1_000 / cpuMs) * 1_000) / 1_000,
  }))
}

function findFunction(
  functions: Map<string, ProfiledFunction>,
  node: Profiler.ProfileNode | undefined,
): ProfiledFunction | undefined {
  if (node === undefined || node.callFrame.functionName === '(root)') return undefined
  const { functionName: name, url, lineNumber, columnNumber } = node.callFrame
  const key = `${name} ${url}:${lineNumber}:${columnNumber}`
  const known = functions.get(key)
  if (known) return known
  const place = url === '' ? '' : formatPlace({ name, url, line: lineNumber + 1, column: columnNumber + 1 })
  const made = { name, place, selfMs: 0, totalMs: 0, share: 0 }
  functions.set(key, made)
  return made
}

function findParents(nodes: ReadonlyMap<number, Profiler.ProfileNode>): Map<number, number> {
  const parents = new Map<number, number>()
  for (const { id, children = [] } of nodes.values()) for (const child of children) parents.set(child, id)
  return parents
}

/** What others did becomes idle time: the same stretch, and only the route's in it. */
function narrow(profile: Profiler.Profile, { samples, nodes }: Attributed, route: string): Profiler.Profile {
  const rest = [...nodes.values()].find(({ callFrame }) => callFrame.functionName === '(idle)') ?? profile.nodes[0]
  const kept = samples.map(({ node, route: of }) => (of === route ? node : (rest?.id ?? node)))
  return { ...profile, samples: kept }
}

const toMs = (us: number): number => Math.round(us / 100) / 10
