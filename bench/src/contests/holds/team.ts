import { startSubject, type RunningSubject, type SubjectStart } from '../../harness/subjects.js'
import type { Stretch } from '../../harness/types.js'
import type { Ledger, OpenLedger } from './ledgers.js'
import type { Setting } from './setting.js'
import { BUYERS, PROCESSES } from './settings.js'

export interface TeamOptions {
  name: string
  /** File of bench/src/subjects. */
  module: string
  poolMax: number
  openLedger: OpenLedger
}

/** Several processes that sell the same, as a service on several instances does. */
export function describeTeam({ databases }: Setting, { name, module, poolMax, openLedger }: TeamOptions): SubjectStart {
  const url = databases.urlOf(name)
  const file = new URL(`../../subjects/${module}.js`, import.meta.url)
  const env = { HOLDFAST_BENCH_POOL: String(poolMax) }
  return {
    name,
    start: async () => {
      const ledger = await openLedger(url)
      await ledger.reset()
      const members: RunningSubject[] = []
      for (let n = 0; n < PROCESSES; n++)
        members.push(await startSubject(name, file, url, BUYERS, process.execPath, env))
      return createTeam(name, members, ledger)
    },
  }
}

function createTeam(name: string, members: readonly RunningSubject[], ledger: Ledger): RunningSubject {
  return {
    name,
    run: async (metric, ms) => {
      const stretch = joinStretches(await Promise.all(members.map(async (member) => await member.run(metric, ms))))
      await ledger.verify(stretch.operations).catch((error: unknown) => {
        throw new Error(`${name} did not sell exactly: ${(error as Error).message}`, { cause: error })
      })
      await ledger.reset()
      return stretch
    },
    close: async () => {
      await Promise.all(members.map(async (member) => await member.close()))
      await ledger.close()
    },
  }
}

/** They began together; it was over when the last one was. */
function joinStretches(parts: readonly Stretch[]): Stretch {
  return {
    operations: parts.reduce((sum, { operations }) => sum + operations, 0),
    seconds: Math.max(...parts.map(({ seconds }) => seconds)),
    cpuUs: parts.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
  }
}
