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
import { countKept, findStuck, prepare, watchStock } from './judge.js'
import { MOST_TTL_MS, type WorkerOptions } from './protocol.js'
import { removeHoldGuards } from './sabotage.js'

export const DEFAULT_COUNT = 100_000

const WORKERS = 4
/** On average a fault comes after so many. */
const PER_FAULT = 1_000
const MOST_PAUSE_MS = 3_000
const REST_MS = 30_000

const allFaults: Faults = { ...workerFaults(MOST_TTL_MS * 1.5), ...serverFaults, ...linkFaults }

/** Processes that hold, confirm, release and forget while they are killed and stopped, and their server crashes. */
export async function runHolds(
  { count, seed, report, without = [], only }: ChaosOptions,
  programs = new URL('./', import.meta.url),
): Promise<ChaosDocument> {
  const { server, proxy, url, close } = await openStage()
  const faults = pickFaults(allFaults, only)
  const [random, injected] = [createRandom(seed), new Tally()]
  try {
    await prepare(server)
    for (const text of removeHoldGuards(without)) await server.query(text)
    const started = performance.now()
    let next = seed
    const options = (): WorkerOptions => ({ url, seed: next++, isApart: without.includes('together') })
    const team = new Team(WORKERS, () => startProgram(new URL('worker.js', programs), options()))
    const watch = watchStock(server)
    const { tally } = team
    await injectUntil(Promise.all([team.reach('held', count), reachAll(faults, injected)]), {
      scene: { server, proxy, crew: team.crew, random },
      faults,
      injected,
      pace: async () => await team.reach('held', tally.get('held') + random() * 2 * PER_FAULT, MOST_PAUSE_MS),
      report: (name) => report(`${tally.get('held')} of ${count} held; ${name}`),
    })
    const seconds = Math.round((performance.now() - started) / 1_000)
    const busy = await team.pause(REST_MS)
    const kept = await countKept(server)
    const stuck = await findStuck(server)
    const { looks, invariants } = await watch.close()
    await team.crew.close()
    return {
      module: 'holds',
      seed,
      counts: { seconds, looks, ...tally.toRecord() },
      faults: injected.toRecord(),
      invariants: [
        ...invariants,
        { name: 'two calls at once with one key have one hold', violations: tally.get('two holds for one key') },
        { name: 'what nobody has confirmed comes back after its time', violations: kept },
        { name: 'what is free can be had', violations: stuck.length },
        { name: 'every turn ends within its deadlines', violations: busy },
        { name: 'no worker ends by itself', violations: tally.get('workers that ended unasked') },
      ],
    }
  } finally {
    await close()
  }
}
