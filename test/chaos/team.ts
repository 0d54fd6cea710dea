import type { ChildProcess } from 'node:child_process'
import { Crew, tell } from './crew.js'
import { Tally, wait } from './invariants.js'
import type { TurnsMessage } from './turns.js'

/** A crew whose workers take turns (turns.ts): counts them, and lets all of them rest. */
export class Team {
  readonly tally = new Tally()
  readonly crew: Crew
  readonly #idle = new Set<ChildProcess>()

  constructor(size: number, start: () => ChildProcess) {
    const startOne = () => {
      const worker = start()
      worker.on('message', ({ counts, isIdle }: TurnsMessage) => {
        for (const [name, count] of Object.entries(counts)) this.tally.add(name, count)
        if (isIdle) this.#idle.add(worker)
      })
      return worker
    }
    this.crew = new Crew(size, startOne, () => this.tally.add('workers that ended unasked'))
  }

  /** Or after `mostMs`: nothing may go on while something is broken. */
  async reach(name: string, count: number, mostMs = Infinity): Promise<void> {
    const endsAt = performance.now() + mostMs
    while (this.tally.get(name) < count && performance.now() < endsAt) await wait(20)
  }

  /** Gives how many workers still have turns under way after so long. */
  async pause(withinMs: number): Promise<number> {
    const endsAt = performance.now() + withinMs
    const asked = new Set<ChildProcess>()
    for (;;) {
      const { workers } = this.crew
      const busy = workers.filter((worker) => !this.#idle.has(worker))
      if (busy.length === 0 || performance.now() > endsAt) return busy.length
      for (const worker of busy) {
        if (!asked.has(worker)) tell(worker, 'pause')
        asked.add(worker)
      }
      await wait(20)
    }
  }
}
