/** From here up a result is large whatever its history. */
export const LARGE_ROWS = 10_000
export const LARGE_BYTES = 16_777_216

const WINDOWS = 6
const FIRST_WINDOW_MS = 60_000
/** Fewer rows may grow as they like. */
const LEAST_ROWS = 1_000
const LEAST_GROWTH = 1.5

interface Window {
  startedAt: number
  calls: number
  rows: number
}

/** Row counts of a statement without a limit: how many are usual, the most there were, and whether they become more. */
export class Growth {
  /** By power of two. */
  readonly #counts = new Uint32Array(33)
  #windows: Window[] = []
  #windowMs = FIRST_WINDOW_MS
  calls = 0
  mostRows = 0
  mostBytes = 0

  record(rows: number, bytes: number): void {
    const bin = 32 - Math.clz32(rows)
    this.#counts[bin] = (this.#counts[bin] as number) + 1
    this.calls++
    if (rows > this.mostRows) this.mostRows = rows
    if (bytes > this.mostBytes) this.mostBytes = bytes
  }

  /** Half of the results had at most about so many rows. */
  get medianRows(): number {
    let seen = 0
    for (const [bin, count] of this.#counts.entries()) {
      seen += count
      if (2 * seen >= this.calls)
        return bin === 0 ? 0 : Math.min(this.mostRows, Math.round(2 ** (bin - 1) * Math.SQRT2))
    }
    return 0
  }

  get isLarge(): boolean {
    return this.mostRows >= LARGE_ROWS || this.mostBytes >= LARGE_BYTES
  }

  /** Of larger results only: the average of a time, and of the time after. Times become longer as they go by. True: a new one. */
  recordAt(rows: number, now: number): boolean {
    const last = this.#windows.at(-1)
    if (last !== undefined && now < last.startedAt + this.#windowMs) {
      last.calls++
      last.rows += rows
      return false
    }
    this.#windows.push({ startedAt: now, calls: 1, rows })
    if (this.#windows.length > 2 * WINDOWS) {
      this.#windowMs *= 2
      this.#windows = joinPairs(this.#windows)
    }
    return true
  }

  /** From how many rows to how many, over which time; undefined where that is not steady. @unit ms */
  get steady(): { from: number; to: number; ms: number } | undefined {
    // The last one is not over.
    const ended = this.#windows.slice(0, -1)
    if (ended.length < WINDOWS) return undefined
    const means = ended.map(({ calls, rows }) => rows / calls)
    const [from, to] = [means[0] as number, means.at(-1) as number]
    const isRising = means.every((mean, place) => place === 0 || mean > (means[place - 1] as number))
    if (!isRising || to < LEAST_ROWS || to < LEAST_GROWTH * from) return undefined
    const ms = (ended.at(-1) as Window).startedAt - (ended[0] as Window).startedAt
    return { from: Math.round(from), to: Math.round(to), ms }
  }
}

function joinPairs(windows: readonly Window[]): Window[] {
  const joined: Window[] = []
  for (let place = 0; place < windows.length; place += 2) {
    const [a, b] = [windows[place] as Window, windows[place + 1]]
    const sum = { calls: a.calls + (b?.calls ?? 0), rows: a.rows + (b?.rows ?? 0) }
    joined.push({ startedAt: a.startedAt, ...sum })
  }
  return joined
}
