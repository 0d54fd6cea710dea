/** A minute or an hour of a route, in all processes. */
export interface Moment {
  /** @unit ms since the epoch */
  at: number
  requests: number
  /** @unit ms */
  p95: number
}

/** Moments `from` to `until` (excluded) are about as slow as each other. */
export interface Level {
  from: number
  until: number
}

export interface FoundOnset {
  /** Index of the first slower moment. */
  at: number
  /** Where the level before it began. */
  beforeFrom: number
  /** Index of the first moment that is as it was again; the number of moments where it goes on. */
  until: number
  kind: 'jump' | 'rise'
}

/** As fast as anybody notices: half as slow again, and 20 ms. The measure of the page Latency. */
const RATIO = 1.5
const NOTICEABLE_MS = 20
/** Standard errors between two levels. Dozens of splits are tried, and the noise of percentiles has long tails. */
const SURE = 6
/** Below this a P95 is one request's. */
export const FEW = 20
/** Noise that is found to be smaller than this is the histogram's own. */
const LEAST_NOISE = 0.03

/**
 * Since when a route is slower: levels of its P95 (binary segmentation of its logarithm, whose noise is taken from the
 * differences of neighbours, which one jump does not change), of which the last that rose counts. Undefined: it did not.
 */
export function findOnset(moments: readonly Moment[], least: number): FoundOnset | undefined {
  const levels = mergeAlike(findLevels(moments, least), moments)
  const heights = levels.map((level) => heightOf(level, moments))
  const rise = levels.findLastIndex((_, n) => n > 0 && isSlower(heights[n] as number, heights[n - 1] as number))
  if (rise < 0) return undefined
  const [before, after] = [levels[rise - 1], levels[rise]] as [Level, Level]
  const kind = isSudden(moments, after.from, (heights[rise] as number) / (heights[rise - 1] as number))
    ? 'jump'
    : 'rise'
  return { at: after.from, beforeFrom: before.from, until: after.until, kind }
}

export const isSlower = (after: number, before: number): boolean =>
  after >= before * RATIO && after >= before + NOTICEABLE_MS

/** Moments with few requests are taken together with those that follow: a percentile of three requests is none. */
export function gather(moments: readonly Moment[], merge: (moments: readonly Moment[]) => Moment): Moment[] {
  const gathered: Moment[] = []
  let open: Moment[] = []
  for (const moment of moments) {
    open.push(moment)
    if (open.reduce((sum, { requests }) => sum + requests, 0) < FEW) continue
    gathered.push(open.length === 1 ? moment : merge(open))
    open = []
  }
  return gathered
}

function findLevels(moments: readonly Moment[], least: number): Level[] {
  const logs = moments.map(({ p95 }) => Math.log(Math.max(p95, 0.001)))
  const noise = Math.max(LEAST_NOISE, measureNoise(logs))
  // One moment by itself is an outlier, and an edge stays where it is.
  const calm = logs.map((_, n) => median(logs.slice(Math.max(0, n - 1), n + 2)))
  const sums = [0]
  for (const value of calm) sums.push((sums.at(-1) as number) + value)
  return split({ from: 0, until: logs.length }, sums, noise, least)
}

function split(level: Level, sums: readonly number[], noise: number, least: number): Level[] {
  const { from, until } = level
  const mean = (start: number, end: number) => ((sums[end] as number) - (sums[start] as number)) / (end - start)
  let best = { at: -1, sureness: 0 }
  for (let at = from + least; at <= until - least; at++) {
    const distance = Math.abs(mean(at, until) - mean(from, at))
    const sureness = distance / (noise * Math.sqrt(1 / (at - from) + 1 / (until - at)))
    if (sureness > best.sureness) best = { at, sureness }
  }
  if (best.sureness < SURE) return [level]
  const halves = [
    { from, until: best.at },
    { from: best.at, until },
  ]
  return halves.flatMap((half) => split(half, sums, noise, least))
}

/** Neighbours that nobody could tell apart are one level, the most alike first. */
function mergeAlike(levels: readonly Level[], moments: readonly Moment[]): Level[] {
  const merged = [...levels]
  for (;;) {
    const heights = merged.map((level) => heightOf(level, moments))
    const steps = heights.slice(1).map((height, n) => {
      const [low, high] = [Math.min(height, heights[n] as number), Math.max(height, heights[n] as number)]
      return isSlower(high, low) ? Infinity : Math.abs(Math.log(Math.max(high, 0.001) / Math.max(low, 0.001)))
    })
    const least = Math.min(...steps, Infinity)
    if (least === Infinity) return merged
    const at = steps.indexOf(least)
    merged.splice(at, 2, { from: (merged[at] as Level).from, until: (merged[at + 1] as Level).until })
  }
}

const heightOf = ({ from, until }: Level, moments: readonly Moment[]): number =>
  median(moments.slice(from, until).map(({ p95 }) => p95))

/** Half of the way within three moments on each side. */
function isSudden(moments: readonly Moment[], at: number, ratio: number): boolean {
  const near = (from: number, until: number) => median(moments.slice(Math.max(0, from), until).map(({ p95 }) => p95))
  return Math.log(near(at, at + 3) / Math.max(near(at - 3, at), 0.001)) >= Math.log(ratio) * 0.6
}

/** Robust: of the differences of neighbours the median, as one of a normal distribution. */
function measureNoise(logs: readonly number[]): number {
  const differences = logs.slice(1).map((value, n) => Math.abs(value - (logs[n] as number)))
  return differences.length === 0 ? 0 : median(differences) / 0.6745 / Math.SQRT2
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
