import { fork, type ChildProcess, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClockMessage } from './clock.js'
import { wait } from './invariants.js'

/** Worker processes; one that ends is replaced. */
export class Crew {
  readonly #start: () => ChildProcess
  readonly #workers: ChildProcess[] = []
  readonly #onUnexpected: () => void
  #isOver = false

  constructor(size: number, start: () => ChildProcess, onUnexpected: () => void) {
    this.#start = start
    this.#onUnexpected = onUnexpected
    for (let n = 0; n < size; n++) this.#add()
  }

  get workers(): readonly ChildProcess[] {
    return this.#workers
  }

  #add(): void {
    const child = this.#start()
    this.#workers.push(child)
    child.once('exit', (code, signal) => {
      this.#workers.splice(this.#workers.indexOf(child), 1)
      if (this.#isOver) return
      if (signal !== 'SIGKILL' && code !== 0) this.#onUnexpected()
      this.#add()
    })
  }

  kill(random: () => number): void {
    this.#pick(random)?.kill('SIGKILL')
  }

  /** Past its lease, then on again as if nothing had been. */
  async freeze(random: () => number, ms: number): Promise<void> {
    const worker = this.#pick(random)
    worker?.kill('SIGSTOP')
    await wait(ms)
    worker?.kill('SIGCONT')
  }

  /** As a deployment does: hands its jobs back, and another one takes its place. */
  retire(random: () => number): void {
    const worker = this.#pick(random)
    if (worker) tell(worker, 'stop')
  }

  /** By up to two hours, back or forth. */
  setClock(random: () => number): void {
    const worker = this.#pick(random)
    const message: ClockMessage = { aheadMs: Math.round((random() - 0.5) * 4 * 3_600_000) }
    if (worker) tell(worker, message)
  }

  #pick(random: () => number): ChildProcess | undefined {
    return this.#workers[Math.floor(random() * this.#workers.length)]
  }

  async close(): Promise<void> {
    this.#isOver = true
    const exits = this.#workers.map(async (worker) => {
      const exited = once(worker, 'exit')
      tell(worker, 'stop')
      const timer = setTimeout(() => worker.kill('SIGKILL'), 10_000)
      await exited
      clearTimeout(timer)
    })
    await Promise.all(exits)
  }
}

export function startProgram(program: URL, options: object): ChildProcess {
  // Without the arguments of whoever starts it: the tests' would lead it to the sources.
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
  return fork(fileURLToPath(program), [JSON.stringify(options)], { execArgv: [], stdio: [...stdio] })
}

/** One that dies in this moment cannot be told (EPIPE); that it has ended is seen by its end. */
export function tell(worker: ChildProcess, message: Serializable): void {
  if (worker.connected) worker.send(message, () => {})
}
