import { setTimeout as sleep } from 'node:timers/promises'
import type { Stretch, Work } from '../../harness/types.js'
import { HOLD_MS, IDLE_HOLD_MS, IDLE_TURNS, KEY, TURNS, WAITERS_OF_EACH } from './settings.js'

/** Gives what releases it. */
export type Acquire = (key: string) => Promise<() => Promise<unknown>>

export interface LockWorkOptions {
  acquire: Acquire
  close: () => Promise<void>
  /** More that this subject can do. */
  operations?: Work['operations']
  measures?: Work['measures']
}

/** What every lock can do: be had by one after the other, and be had without anybody else there. */
export function createLockWork({ acquire, close, operations, measures }: LockWorkOptions): Work {
  const own = `own:${process.pid}`
  return {
    operations: {
      alone: async () => {
        const release = await acquire(own)
        await release()
      },
      ...operations,
    },
    measures: {
      handover: async () => await takeTurns(acquire, { waiters: WAITERS_OF_EACH, turns: TURNS, holdMs: HOLD_MS }),
      handover_idle: async () => await takeTurns(acquire, { waiters: 1, turns: IDLE_TURNS, holdMs: IDLE_HOLD_MS }),
      ...measures,
    },
    close,
  }
}

interface Turns {
  waiters: number
  /** Of each. */
  turns: number
  holdMs: number
}

/** Samples: when each turn began and ended, by the clock that all processes of the machine have. */
async function takeTurns(acquire: Acquire, { waiters, turns, holdMs }: Turns): Promise<Stretch> {
  const samples: number[] = []
  const wait = async () => {
    for (let turn = 0; turn < turns; turn++) {
      const release = await acquire(KEY)
      const heldAt = readClock()
      await sleep(holdMs)
      samples.push(heldAt, readClock())
      await release()
    }
  }
  return await timeStretch(waiters * turns, async () => {
    await Promise.all(Array.from({ length: waiters }, wait))
    return samples
  })
}

export async function timeStretch(operations: number, work: () => Promise<readonly number[]>): Promise<Stretch> {
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const samples = await work()
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - startedAt) / 1_000
  return { operations, seconds, cpuUs: used.user + used.system, samples }
}

/** @unit ms */
function readClock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export interface Turn {
  heldAt: number
  releasedAt: number
}

/** In the order in which they were had. Throws where two held at once. */
export function readTurns(samples: readonly number[]): Turn[] {
  const turns: Turn[] = []
  for (let n = 0; n < samples.length; n += 2)
    turns.push({ heldAt: samples[n] as number, releasedAt: samples[n + 1] as number })
  turns.sort((a, b) => a.heldAt - b.heldAt)
  for (const [n, { heldAt }] of turns.entries()) {
    const before = turns[n - 1]
    if (before && heldAt < before.releasedAt) throw new Error(`Turn ${n + 1} began before the one before had ended.`)
  }
  return turns
}

/** From one's release to the next one's having it. @unit ms */
export function readHandovers(turns: readonly Turn[]): number[] {
  return turns.slice(1).map(({ heldAt }, n) => heldAt - (turns[n] as Turn).releasedAt)
}
