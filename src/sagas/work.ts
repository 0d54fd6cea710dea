import { sagasError } from './errors.js'
import { Pauses } from './pauses.js'

/** What is under way for one saga: attempts, commits, pauses. */
export class Work {
  readonly pauses = new Pauses()
  readonly #lives = new Set<Promise<unknown>>()
  readonly #controllers = new Set<AbortController>()
  #commits = 0

  get isIdle(): boolean {
    return this.#lives.size === 0 && this.#commits === 0
  }

  /** A step's commit is on its way, and the function knows its result already. */
  get isCommitting(): boolean {
    return this.#commits > 0
  }

  openCommit(): void {
    this.#commits++
  }

  closeCommit(): void {
    this.#commits--
  }

  /** A saga is not parked meanwhile, and nothing of it is undone before this has ended. */
  async live<T>(work: Promise<T>): Promise<T> {
    this.#lives.add(work)
    try {
      return await work
    } finally {
      this.#lives.delete(work)
    }
  }

  openController(): AbortController {
    const controller = new AbortController()
    this.#controllers.add(controller)
    return controller
  }

  closeController(controller: AbortController): void {
    this.#controllers.delete(controller)
  }

  /** Tells all of it to end. */
  abort(): void {
    const reason = sagasError('HF_SAGAS_CANCELLED', 'The step is to end: its saga is undone, stuck, or in other hands.')
    for (const controller of this.#controllers) controller.abort(reason)
    this.pauses.endAll()
  }

  /** Until all of it has ended, or this time is over. */
  async settle(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
    await Promise.race([Promise.allSettled(this.#lives), timeout])
    clearTimeout(timer)
  }
}
