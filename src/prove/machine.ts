import { cpus, totalmem } from 'node:os'
import type { Machine } from './types.js'

/** What a figure needs to be read: cores, processor, memory. Never a host name. */
export function describeMachine(): Machine {
  const all = cpus()
  return {
    cpus: all.length,
    cpu: all[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
  }
}
