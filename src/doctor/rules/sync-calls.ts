import { classifySink, type Sink } from '../sinks.js'
import type { FoundCall } from '../source-index.js'
import { findReach, tellGuard, tellGuess, tellRoutes, weigh, type Reach } from './reach.js'
import type { ScanContext, Spot } from './rule.js'

/** Synchronous calls that a request reaches; with `all` also those that none is known to reach. */
export function findSyncCalls(context: ScanContext): Spot[] {
  return context.index.calls.flatMap((found) => {
    const sink = classifySink(context.project, context.index, found.call)
    if (sink === undefined) return []
    const reach = findReach(context, found.inside, found.call)
    if (reach !== undefined) return [describeReached(found, sink, reach)]
    return context.options.all === true && context.project.isTarget(found.file) ? [describeOther(found, sink)] : []
  })
}

function describeReached({ call }: FoundCall, sink: Sink, reach: Reach): Spot {
  const { way, guard } = reach
  return {
    rule: sink.rule,
    severity: weigh(reach, sink.isHeavy ? 'act' : 'watch'),
    node: call,
    way,
    sentence: `${sink.name} is reached from ${tellRoutes(way)}: ${sink.why}, and every request of the process waits.${tellGuard(guard)}${tellGuess(way)}`,
    fix: sink.fix,
  }
}

function describeOther({ call, inside }: FoundCall, sink: Sink): Spot {
  const where = inside === undefined ? 'It runs when the module is loaded.' : 'No route is known to reach it.'
  return {
    rule: sink.rule,
    severity: 'info',
    node: call,
    way: undefined,
    sentence: `${sink.name}: ${sink.why}. ${where}`,
    fix: sink.fix,
  }
}
