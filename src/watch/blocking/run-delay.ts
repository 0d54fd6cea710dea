import { readFileSync } from 'node:fs'

let isThere = process.platform === 'linux'

/**
 * How long the process's first thread, which is the main one, was ready to run while the machine ran something else.
 * Undefined where the system does not tell. Source: Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`. @unit ms
 */
export function readDelay(): number | undefined {
  if (!isThere) return undefined
  try {
    // oxlint-disable-next-line node/no-sync -- on a thread that has nothing else to do
    const [, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
    return Number(waited) / 1e6
  } catch {
    isThere = false
    return undefined
  }
}
