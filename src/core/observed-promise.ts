/**
 * A promise that tells when somebody waits for its value. `await` and `.then(f)` do; `void work()` and
 * `work().catch(log)` do not: such work blocks nobody, however long it waits. Only a subclass sees this: `await` looks
 * past an overwritten `then` of a native promise.
 */
export class ObservedPromise<T> extends Promise<T> {
  #onAwaited: (() => void) | undefined

  /** Plain promises for everything derived from it. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  static observe<T>(promise: Promise<T>, onAwaited: () => void): Promise<T> {
    const observed = new ObservedPromise<T>((resolve, reject) => void promise.then(resolve, reject))
    observed.#onAwaited = onAwaited
    return observed
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a subclass of Promise is one; seeing `then` is its purpose
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (typeof onFulfilled === 'function') this.#onAwaited?.()
    return super.then(onFulfilled, onRejected)
  }
}
