import type { RunningSubject, SubjectStart } from '../../harness/subjects.js'
import type { Stretch } from '../../harness/types.js'
import { describeSubject, type Setting } from './setting.js'
import { PROCESSES, WAITERS_OF_EACH } from './settings.js'

/** Several processes that want the same, as a service on several instances does. */
export function describeTeam(setting: Setting, name: string, url?: string): SubjectStart {
  return {
    name,
    start: async () => {
      const members: RunningSubject[] = []
      for (let n = 0; n < PROCESSES; n++)
        members.push(await describeSubject(setting, name, WAITERS_OF_EACH, url).start())
      return {
        name,
        run: async (metric, size) =>
          joinStretches(await Promise.all(members.map(async (member) => await member.run(metric, size)))),
        close: async () => void (await Promise.all(members.map(async (member) => await member.close()))),
      }
    },
  }
}

/** They began together; it was over when the last one was. */
function joinStretches(parts: readonly Stretch[]): Stretch {
  return {
    operations: parts.reduce((sum, { operations }) => sum + operations, 0),
    seconds: Math.max(...parts.map(({ seconds }) => seconds)),
    cpuUs: parts.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    samples: parts.flatMap(({ samples = [] }) => samples),
  }
}
