import type { ClaimedJob } from './claimed-job.js'

/** Claimed jobs that wait for their turn, first in, first out, without moving the rest at each step. */
export class JobQueue {
  #jobs: ClaimedJob[] = []
  #head = 0

  get length(): number {
    return this.#jobs.length - this.#head
  }

  push(jobs: readonly ClaimedJob[]): void {
    if (this.#head > 0) this.#jobs = this.#jobs.slice(this.#head)
    this.#head = 0
    for (const job of jobs) this.#jobs.push(job)
  }

  shift(): ClaimedJob | undefined {
    return this.#head < this.#jobs.length ? this.#jobs[this.#head++] : undefined
  }

  /** The next ones of the first one's lane, at most `most`. Suspects come alone: should one end the process, the others are not to blame. */
  shiftGroup(most: number): ClaimedJob[] {
    const start = this.#head
    const first = this.#jobs[start]
    if (first === undefined) return []
    const isMate = (job: ClaimedJob | undefined) => job?.lane === first.lane && job.crashes === 0
    do this.#head++
    while (first.crashes === 0 && this.#head - start < most && isMate(this.#jobs[this.#head]))
    return this.#jobs.slice(start, this.#head)
  }

  peek(): ClaimedJob | undefined {
    return this.#jobs[this.#head]
  }

  /** Takes out those that are wanted. */
  remove(isWanted: (job: ClaimedJob) => boolean): ClaimedJob[] {
    const waiting = this.clear()
    const removed = waiting.filter(isWanted)
    this.#jobs = removed.length === 0 ? waiting : waiting.filter((job) => !removed.includes(job))
    return removed
  }

  /** Everything that still waits. */
  clear(): ClaimedJob[] {
    const rest = this.#jobs.slice(this.#head)
    this.#jobs = []
    this.#head = 0
    return rest
  }
}
