import { createRandom } from 'holdfast/prove'
import { startProgram } from '../crew.js'
import { Tally, type ChaosDocument, type ChaosOptions } from '../invariants.js'
import {
  injectUntil,
  linkFaults,
  openStage,
  pickFaults,
  reachAll,
  serverFaults,
  workerFaults,
  type Faults,
} from '../scene.js'
import { Team } from '../team.js'
import { findLeftovers, findStuck, judgeHistory, prepare, watchQueues } from './judge.js'
import { leaseKeys, shortKeys, type WorkerOptions } from './protocol.js'
import { startRedis, type RedisServer } from '../redis.js'
import { removeLockGuards } from './sabotage.js'

export const DEFAULT_COUNT = 100_000

const WORKERS = 4
const TTL_MS = 2_000
const WAIT_MS = 5_000
/** On average a fault comes after so many. */
const PER_FAULT = 1_000
const MOST_PAUSE_MS = 3_000
/** Waiting, and a transaction at its deadline. */
const REST_MS = 30_000

const allFaults: Faults = { ...workerFaults(TTL_MS * 1.5), ...serverFaults, ...linkFaults }

const redisFaults = (redis: RedisServer): Faults => ({
  'Redis killed, and back without its data': async () => await redis.loseAll(),
  'Redis silent past the lease, then back': async () => await redis.freeze(TTL_MS * 1.5),
})

/** The same with the queues in a Redis, that fails too. */
export async function runLocksOnRedis(options: ChaosOptions, programs?: URL): Promise<ChaosDocument> {
  const redis = await startRedis()
  try {
    return await runLocks(options, programs, redis)
  } finally {
    await redis.close()
  }
}

/** Processes that read, think and write under locks while they are killed and stopped, and their server crashes. */
export async function runLocks(
  { count, seed, report, without = [], only }: ChaosOptions,
  programs = new URL('./', import.meta.url),
  redis?: RedisServer,
): Promise<ChaosDocument> {
  const { server, proxy, url, close } = await openStage({ track_commit_timestamp: 'on' })
  const faults = pickFaults({ ...allFaults, ...(redis && redisFaults(redis)) }, only)
  const [random, injected] = [createRandom(seed), new Tally()]
  try {
    await prepare(server, [...leaseKeys, ...shortKeys])
    for (const text of removeLockGuards(without)) await server.query(text)
    const started = performance.now()
    let next = seed
    const options = (): WorkerOptions => ({
      url,
      seed: next++,
      ttlMs: TTL_MS,
      waitMs: WAIT_MS,
      ...(redis && { redisPort: redis.port }),
    })
    const team = new Team(WORKERS, () => startProgram(new URL('worker.js', programs), options()))
    const watch = watchQueues(server)
    const { tally } = team
    const pace = async () =>
      await team.reach('acquired', tally.get('acquired') + random() * 2 * PER_FAULT, MOST_PAUSE_MS)
    const enough = Promise.all([team.reach('acquired', count), reachAll(faults, injected)])
    await injectUntil(enough, {
      scene: { server, proxy, crew: team.crew, random },
      faults,
      injected,
      pace,
      report: (name) => report(`${tally.get('acquired')} of ${count} acquired; ${name}`),
    })
    const seconds = Math.round((performance.now() - started) / 1_000)
    const busy = await team.pause(REST_MS)
    const stuck = await findStuck(server, TTL_MS, redis?.port)
    const queues = await watch.close()
    await team.crew.close()
    return {
      module: redis ? 'locks on Redis' : 'locks',
      seed,
      counts: { seconds, ...tally.toRecord() },
      faults: injected.toRecord(),
      invariants: [
        ...(await judgeHistory(server)),
        // A Redis that has lost its data knows nobody any more, and its queues are not looked at.
        ...(redis
          ? []
          : [
              ...queues,
              { name: 'no lock is lost before its lease', violations: tally.get('lost before their leases') },
            ]),
        { name: 'every turn ends within its deadlines', violations: busy },
        { name: 'every key can be had within a lease and 2 s after the last fault', violations: stuck.length },
        { name: 'no request is left when all have ended', violations: await findLeftovers(server, TTL_MS) },
        { name: 'no worker ends by itself', violations: tally.get('workers that ended unasked') },
      ],
    }
  } finally {
    await close()
  }
}
