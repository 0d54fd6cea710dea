import { createRandom } from 'holdfast/prove'
import { createServer } from 'node:net'
import { Crew, startProgram } from '../crew.js'
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
import { countStates, describeLeft, judge, paymentsUrl, prepare, waitForEnds } from './judge.js'
import { LEASE_MS, type ProviderOptions, type WorkerOptions } from './protocol.js'
import { removeSagaGuards } from './sabotage.js'

export const DEFAULT_COUNT = 50_000

const WORKERS = 4
/** On average a fault comes after so many. */
const PER_FAULT = 400
const MOST_PAUSE_MS = 3_000
const REST_MS = 30_000
/** Undoing is tried again for minutes where the provider refuses, or a busy machine lets it run out of time; nobody breaks anything meanwhile. */
const END_MS = 120_000

/** Checkouts by processes that are killed and stopped, over two databases, with a provider that fails in every way. */
export async function runSagas(
  { count, seed, report, without = [], only }: ChaosOptions,
  programs = new URL('./', import.meta.url),
): Promise<ChaosDocument> {
  const { server, proxy, url, close } = await openStage()
  const [random, injected] = [createRandom(seed), new Tally()]
  try {
    await prepare(server)
    for (const text of removeSagaGuards(without)) await server.query(text)
    const started = performance.now()
    const port = await findPort()
    let next = seed
    const provider = (): ProviderOptions => ({ url: paymentsUrl(url), port, seed: next++ })
    const tills = new Crew(
      1,
      () => startProgram(new URL('provider.js', programs), provider()),
      () => {},
    )
    const options = (): WorkerOptions => ({
      url,
      providerUrl: `http://127.0.0.1:${port}`,
      seed: next++,
      // Old and new code side by side.
      isNew: next % 3 !== 0,
      isApart: without.includes('together'),
    })
    const allFaults: Faults = {
      ...workerFaults(LEASE_MS * 2),
      ...serverFaults,
      ...linkFaults,
      'provider killed': () => tills.kill(random),
    }
    const faults = pickFaults(allFaults, only)
    const team = new Team(WORKERS, () => startProgram(new URL('worker.js', programs), options()))
    const { tally } = team
    await injectUntil(Promise.all([team.reach('started', count), reachAll(faults, injected)]), {
      scene: { server, proxy, crew: team.crew, random },
      faults,
      injected,
      pace: async () => await team.reach('started', tally.get('started') + random() * 2 * PER_FAULT, MOST_PAUSE_MS),
      report: (name) => report(`${tally.get('started')} of ${count} started; ${name}`),
    })
    const seconds = Math.round((performance.now() - started) / 1_000)
    const busy = await team.pause(REST_MS)
    const left = await waitForEnds(server, END_MS)
    for (const line of left > 0 ? await describeLeft(server) : []) report(line)
    await team.crew.close()
    await tills.close()
    const invariants = await judge(server)
    return {
      module: 'sagas',
      seed,
      counts: { seconds, ...tally.toRecord(), ...(await countStates(server)) },
      faults: injected.toRecord(),
      invariants: [
        { name: 'every saga is done, compensated or stuck', violations: left },
        ...invariants,
        { name: 'every turn ends within its deadlines', violations: busy },
        { name: 'no worker ends by itself', violations: tally.get('workers that ended unasked') },
      ],
    }
  } finally {
    await close()
  }
}

async function findPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
