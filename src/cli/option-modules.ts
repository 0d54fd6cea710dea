import {
  connectOptionTable,
  poolOptionTable,
  queryOptionTable,
  txOptionTable,
  type OptionTable,
} from '../core/index.js'
import { appLabOptionTable, clashLabOptionTable, replayOptionTable } from '../clash/index.js'
import {
  confirmOptionTable,
  extendOptionTable,
  holdOptionTable,
  holdsOptionTable,
  releaseOptionTable,
} from '../holds/index.js'
import { httpRuleTable, idempotencyOptionTable, messageOptionTable, runOptionTable } from '../idempotency/index.js'
import {
  jobOptionTable,
  redriveOptionTable,
  sendOptionTable,
  watchOptionTable as watchJobTable,
  workOptionTable,
} from '../jobs/index.js'
import { acquireOptionTable, locksOptionTable, runLockOptionTable, shortOptionTable } from '../locks/index.js'
import {
  admissionOptionTable,
  limiterOptionTable,
  limiterRunOptionTable,
  offloadOptionTable,
  offloadPoolOptionTable,
  offloadRunOptionTable,
} from '../overload/index.js'
import {
  callStepTable,
  resultOptionTable,
  retryOptionTable,
  sagaOptionTable,
  sagaWorkOptionTable,
  startOptionTable,
  txStepTable,
  waitOptionTable,
} from '../sagas/index.js'
import { autopsyOptionTable, profileOptionTable, watchFilterTable, watchOptionTable } from '../watch/index.js'

/** Every table of options that validates a call, in the order of `docs/options.md`. */
export const optionModules: readonly { of: string; table: OptionTable }[] = [
  { of: 'connect(options)', table: connectOptionTable },
  { of: 'connect({ pool })', table: poolOptionTable },
  { of: 'db.query(text, params, options)', table: queryOptionTable },
  { of: 'db.tx(body, options)', table: txOptionTable },
  { of: 'defineJob(name, options)', table: jobOptionTable },
  { of: 'jobs.send(tx, job, payload, options)', table: sendOptionTable },
  { of: 'jobs.work(options)', table: workOptionTable },
  { of: 'jobs.watch(id, options)', table: watchJobTable },
  { of: 'jobs.redrive(filter)', table: redriveOptionTable },
  { of: 'createIdempotency(db, options)', table: idempotencyOptionTable },
  { of: 'idempotency.run(call, effect, options)', table: runOptionTable },
  { of: 'idempotency.handle(request, rules, effect)', table: httpRuleTable },
  { of: 'idempotency.receive(tx, message)', table: messageOptionTable },
  { of: 'createLocks(db, options)', table: locksOptionTable },
  { of: 'locks.acquire(keys, options)', table: acquireOptionTable },
  { of: 'locks.run(keys, body, options)', table: runLockOptionTable },
  { of: 'locks.short(key, body, options)', table: shortOptionTable },
  { of: 'createHolds(db, options)', table: holdsOptionTable },
  { of: 'holds.hold(from, resource, what, options)', table: holdOptionTable },
  { of: 'holds.confirm(tx, ids, options)', table: confirmOptionTable },
  { of: 'holds.extend(ids, options)', table: extendOptionTable },
  { of: 'holds.release(ids, options)', table: releaseOptionTable },
  { of: 'defineSaga(name, options, body)', table: sagaOptionTable },
  { of: 's.tx(name, step)', table: txStepTable },
  { of: 's.call(name, step)', table: callStepTable },
  { of: 'step.retry, step.undoRetry', table: retryOptionTable },
  { of: 's.waitFor(event, options)', table: waitOptionTable },
  { of: 'sagas.start(tx, saga, input, options)', table: startOptionTable },
  { of: 'sagas.result(saga, id, options)', table: resultOptionTable },
  { of: 'sagas.work(options)', table: sagaWorkOptionTable },
  { of: 'createAdmission(options)', table: admissionOptionTable },
  { of: 'createLimiter(options)', table: limiterOptionTable },
  { of: 'limiter.run(fn, options)', table: limiterRunOptionTable },
  { of: 'offload(fn, options)', table: offloadOptionTable },
  { of: 'offloaded.run(args, options)', table: offloadRunOptionTable },
  { of: 'createOffloadPool(options)', table: offloadPoolOptionTable },
  { of: 'watch(db, options)', table: watchOptionTable },
  { of: 'watching.inspect.routes(filter)', table: watchFilterTable },
  { of: 'openClashLab(options)', table: clashLabOptionTable },
  { of: 'openAppLab(options)', table: appLabOptionTable },
  { of: 'lab.replay(first, second, options)', table: replayOptionTable },
  { of: 'profileRoute(options)', table: profileOptionTable },
  { of: 'watching.inspect.autopsy(options)', table: autopsyOptionTable },
]
