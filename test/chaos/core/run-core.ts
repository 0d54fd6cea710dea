import type { ChaosDocument, ChaosOptions } from '../invariants.js'
import { runAborts } from './aborts.js'
import { startServer } from './server.js'
import { runStorm } from './storm.js'
import { countWrongCancels } from './unguarded.js'

export const DEFAULT_COUNT = 200_000

/** A tenth of the count are aborts, all of it requests under faults. */
export async function runCore(
  options: ChaosOptions,
  programs = new URL('./', import.meta.url),
): Promise<ChaosDocument> {
  const { count, seed, report } = options
  const server = await startServer()
  try {
    const url = server.url()
    const abortCount = Math.ceil(count / 10)
    report(`aborting ${abortCount} statements`)
    const aborts = await runAborts({ url, serverUrl: url, count: abortCount, seed })
    const unguardedTrials = Math.min(500, abortCount)
    const wrongCancels = await countWrongCancels({ url, count: unguardedTrials, seed })
    const storm = await runStorm({ ...options, server, programs })
    return {
      module: 'core',
      seed,
      counts: { ...storm.counts, ...aborts.counts, unguardedTrials, unguardedWrongCancels: wrongCancels },
      faults: { ...storm.faults, ...aborts.faults },
      invariants: [...storm.invariants, ...aborts.invariants],
    }
  } finally {
    await server.close()
  }
}
