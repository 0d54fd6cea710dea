const BINS = 128
const PER_OCTAVE = 4
const MOST = 50_000

/** How often which durations came, to within a fifth: half a kilobyte, of which a process has one for each statement. */
export class Coarse {
  readonly #bins = new Uint32Array(BINS)
  count = 0

  record(ms: number): void {
    this.#bins[binOf(ms)]!++
    if (++this.count > MOST) this.#halve()
  }

  /** What is long ago counts less and less. */
  #halve(): void {
    this.count = 0
    for (let bin = 0; bin < BINS; bin++) {
      this.#bins[bin] = Math.ceil((this.#bins[bin] as number) / 2)
      this.count += this.#bins[bin] as number
    }
  }

  /** How many were longer, those of its own bin not among them. */
  countAbove(ms: number): number {
    let sum = 0
    for (let bin = binOf(ms) + 1; bin < BINS; bin++) sum += this.#bins[bin] as number
    return sum
  }

  /** The upper end of the bin in which it lies. @unit ms */
  percentile(share: number): number {
    let left = Math.ceil(this.count * share)
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin] as number
      if (left <= 0) return endOf(bin)
    }
    return endOf(BINS - 1)
  }

  add(other: Coarse): void {
    for (let bin = 0; bin < BINS; bin++) this.#bins[bin]! += other.#bins[bin] as number
    this.count += other.count
  }

  reset(): void {
    this.#bins.fill(0)
    this.count = 0
  }
}

/** From a hundredth of a millisecond. */
function binOf(ms: number): number {
  const bin = Math.floor(Math.log2(ms * 100 + 1) * PER_OCTAVE)
  return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin
}

const endOf = (bin: number): number => (2 ** ((bin + 1) / PER_OCTAVE) - 1) / 100
