import { readFileSync } from 'node:fs'

let isThere = process.platform === 'linux'

/** `USER_HZ` of every architecture that Node runs on. */
const TICK_MS = 10

/**
 * How long the process's first thread, which is the main one, was ready to run while the machine ran something else: another
 * thread (Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`), or another virtual machine (`steal` of
 * `/proc/stat`, proc(5); of all its processors, so it may be too much). Undefined where the system does not tell. @unit ms
 */
export function readDelay(): number | undefined {
  if (!isThere) return undefined
  try {
    // oxlint-disable-next-line node/no-sync -- on a thread that has nothing else to do
    const read = (path: string) => readFileSync(path, 'utf8')
    const [, waited] = read(`/proc/self/task/${process.pid}/schedstat`).split(' ')
    const [, , , , , , , , stolen] = read('/proc/stat').split(/\s+/, 9)
    return Number(waited) / 1e6 + Number(stolen) * TICK_MS
  } catch {
    isThere = false
    return undefined
  }
}
