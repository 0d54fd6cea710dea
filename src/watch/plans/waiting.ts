const MOST = 20

/**
 * What is to be asked for, the oldest first. Who is urgent (a statement that no plan is known of) comes before those who are
 * not, and in place of one of them where there is no room: else a statement that begins while much is going on would
 * not be known yet when its plan flips, and there would be nothing to compare with.
 */
export class Waiting<Task> {
  readonly #isUrgent: (task: Task) => boolean
  #tasks: Task[] = []

  constructor(isUrgent: (task: Task) => boolean) {
    this.#isUrgent = isUrgent
  }

  /** False: there was no room, and one was dropped, this one or another. */
  add(task: Task): boolean {
    if (this.#tasks.length < MOST) {
      this.#tasks.push(task)
      return true
    }
    const other = this.#isUrgent(task) ? this.#tasks.findIndex((each) => !this.#isUrgent(each)) : -1
    if (other >= 0) {
      this.#tasks.splice(other, 1)
      this.#tasks.push(task)
    }
    return false
  }

  take(): Task | undefined {
    const first = this.#tasks.findIndex((each) => this.#isUrgent(each))
    return this.#tasks.splice(Math.max(0, first), 1)[0]
  }

  clear(): void {
    this.#tasks = []
  }
}
