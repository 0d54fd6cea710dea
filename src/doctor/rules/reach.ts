import type TS from 'typescript-5'
import type { Way } from '../call-graph.js'
import { findGuard, type Guard } from '../guards.js'
import type { SourceFunction } from '../source-index.js'
import type { Severity } from '../types.js'
import type { ScanContext } from './rule.js'

/** How a request comes to a place, and what stands in its way there. */
export interface Reach {
  way: Way
  guard: Guard | undefined
}

export function findReach(
  { project, graph }: ScanContext,
  inside: SourceFunction | undefined,
  node: TS.Node,
): Reach | undefined {
  const way = inside === undefined ? undefined : graph.findWay(inside)
  if (way === undefined) return undefined
  return { way, guard: findGuard(project, node) ?? way.guard }
}

/** What is seen once, or only at home, is a hint; what rests on a name is not certain enough to fail a pipeline. */
export function weigh({ way, guard }: Reach, severity: Severity): Severity {
  if (guard !== undefined) return 'info'
  return way.isGuess && severity === 'act' ? 'watch' : severity
}

/** Of a reached place so much, else a hint. */
export const weighIfReached = (reach: Reach | undefined, severity: Severity, otherwise: Severity = 'info'): Severity =>
  reach === undefined ? otherwise : weigh(reach, severity)

/** ` Reached from POST /orders and 3 others.` */
export const tellReached = (reach: Reach | undefined): string =>
  reach === undefined ? '' : ` Reached from ${tellRoutes(reach.way)}.${tellGuard(reach.guard)}${tellGuess(reach.way)}`

/** `POST /orders and 3 others`. */
export function tellRoutes({ entries }: Way): string {
  const labels = [...new Set(entries.map(({ label }) => label))]
  const [first = ''] = labels
  const others = labels.length - 1
  if (others === 0) return first
  return `${first} and ${others} ${others === 1 ? 'other' : 'others'}`
}

export function tellGuard(guard: Guard | undefined): string {
  if (guard === 'once') return ' What it gives is kept: only the first request waits.'
  if (guard === 'ending') return ' The process ends with it.'
  return guard === 'development' ? ' A condition keeps it out of production.' : ''
}

export const tellGuess = ({ isGuess }: Way): string =>
  isGuess ? ' A call on the way was matched by its name alone.' : ''
