/** Somebody who waits. Whoever queues it fills in what it is; the links are the queue's. */
export interface Entry<T> {
  readonly item: T
  readonly lane: Lane<T>
  before: Entry<T> | undefined
  after: Entry<T> | undefined
  isQueued: boolean
}

/** Those who wait of one key, first come first. */
interface Lane<T> {
  readonly key: string
  first: Entry<T> | undefined
  last: Entry<T> | undefined
  length: number
}

/**
 * A queue in which each key has a lane of its own: lanes take turns, and within a lane who came first is first. One key
 * that floods it makes its own lane long, and nobody else wait. Every operation takes the same time however many wait.
 */
export class FairQueue<T> {
  size = 0
  /** In the order of their turns. A lane that is empty is not in it. */
  readonly #lanes = new Map<string, Lane<T>>()
  /** By length, so that the longest is found without looking at all of them: it is asked for whenever one is refused. */
  readonly #byLength: Set<Lane<T>>[] = []

  push(key: string, item: T): Entry<T> {
    let lane = this.#lanes.get(key)
    if (lane === undefined) this.#lanes.set(key, (lane = { key, first: undefined, last: undefined, length: 0 }))
    const entry: Entry<T> = { item, lane, before: lane.last, after: undefined, isQueued: true }
    if (lane.last) lane.last.after = entry
    else lane.first = entry
    lane.last = entry
    this.#resize(lane, 1)
    return entry
  }

  /** Takes the first of the lane whose turn it is. */
  shift(): T | undefined {
    for (const lane of this.#lanes.values()) {
      const entry = lane.first as Entry<T>
      this.remove(entry)
      if (lane.length > 0) {
        this.#lanes.delete(lane.key)
        this.#lanes.set(lane.key, lane)
      }
      return entry.item
    }
    return undefined
  }

  /** False when it does not wait any more. */
  remove(entry: Entry<T>): boolean {
    if (!entry.isQueued) return false
    entry.isQueued = false
    const { lane, before, after } = entry
    if (before) before.after = after
    else lane.first = after
    if (after) after.before = before
    else lane.last = before
    this.#resize(lane, -1)
    if (lane.length === 0) this.#lanes.delete(lane.key)
    return true
  }

  /**
   * Makes room for one of `key`, at the cost of whoever has most: takes out the newest of the longest lane. Undefined when
   * `key` would have the longest itself: then it is its own newcomer that has to go.
   */
  displace(key: string): T | undefined {
    const longest = this.#byLength.length - 1
    if (longest <= this.lengthOf(key) + 1) return undefined
    const [lane] = this.#byLength[longest] as Set<Lane<T>>
    const newest = lane?.last as Entry<T>
    this.remove(newest)
    return newest.item
  }

  lengthOf(key: string): number {
    return this.#lanes.get(key)?.length ?? 0
  }

  /** The first of each lane: nobody behind it came earlier. */
  *firsts(): Generator<Entry<T>> {
    for (const { first } of this.#lanes.values()) if (first) yield first
  }

  #resize(lane: Lane<T>, by: 1 | -1): void {
    this.#byLength[lane.length]?.delete(lane)
    lane.length += by
    this.size += by
    const same = (this.#byLength[lane.length] ??= new Set())
    if (lane.length > 0) same.add(lane)
    while (this.#byLength.length > 0 && this.#byLength.at(-1)?.size === 0) this.#byLength.pop()
  }
}
