/** @module holdfast/prove: experiments in which naive code visibly fails and the protected one does not. */

import { findNearest } from '../core/index.js'
import { proveError } from './errors.js'
import { clash } from './experiments/clash.js'
import { doubleSubmit } from './experiments/double-submit.js'
import { exclusiveProcess } from './experiments/exclusive-process.js'
import { halfDoneOrder } from './experiments/half-done-order.js'
import { hotSeat } from './experiments/hot-seat.js'
import { jobCrash } from './experiments/job-crash.js'
import { lostCommit } from './experiments/lost-commit.js'
import { nPlusOne } from './experiments/n-plus-one.js'
import { oldSnapshot } from './experiments/old-snapshot.js'
import { overload } from './experiments/overload.js'
import { oversell } from './experiments/oversell.js'
import { pausedHolder } from './experiments/paused-holder.js'
import { planFlip } from './experiments/plan-flip.js'
import { poolDeadlock } from './experiments/pool-deadlock.js'
import { poolStarvation } from './experiments/pool-starvation.js'
import { rowExplosion } from './experiments/row-explosion.js'
import { sagaCrash } from './experiments/saga-crash.js'
import { slowClient } from './experiments/slow-client.js'
import { syncOverAsync } from './experiments/sync-over-async.js'
import { threadpool } from './experiments/threadpool.js'
import type { Experiment } from './types.js'

export { proveErrors } from './errors.js'
export { describeMachine } from './machine.js'
export { startProxy, throughProxy, type Proxy, type ProxyOptions } from './proxy.js'
export { createRandom } from './random.js'
export { runExperiment, type RunOptions } from './run-experiment.js'
export { runRush, type Rush } from './rush.js'
export type { Experiment, Figures, InvariantResult, Machine, ProveDocument, Side, SideResult, Stage } from './types.js'

/** All experiments, in the order in which the CLI lists them. */
export const experiments: readonly Experiment[] = [
  oversell,
  lostCommit,
  poolDeadlock,
  slowClient,
  jobCrash,
  oldSnapshot,
  exclusiveProcess,
  doubleSubmit,
  pausedHolder,
  hotSeat,
  halfDoneOrder,
  sagaCrash,
  planFlip,
  rowExplosion,
  nPlusOne,
  syncOverAsync,
  poolStarvation,
  clash,
  threadpool,
  overload,
]

/** @throws HF_PROVE_UNKNOWN with the nearest name */
export function findExperiment(name: string): Experiment {
  const names = experiments.map((each) => each.name)
  const found = experiments.find((each) => each.name === name)
  if (found) return found
  const nearest = findNearest(name, names)
  throw proveError(
    'HF_PROVE_UNKNOWN',
    `There is no experiment "${name}"; ${nearest ? `did you mean "${nearest}"?` : `there are ${names.join(', ')}.`}`,
  )
}
