import type { Facts, PlanShape } from './plan-types.js'

const MOST_SAMPLES = 21

/** A shape that a statement has been seen with, and how long its explained executions took. */
export interface KnownShape {
  shape: PlanShape
  /** The application's own session used a generic plan; this is that plan, made again. */
  isInferred: boolean
  /** Sightings of all processes, as far as this one knows. */
  seen: number
  /** Sightings that are not written yet. */
  unwritten: number
  /** Of the last executions that were explained, by this process. @unit ms */
  samples: number[]
  /** Of other processes, or of earlier ones. @unit ms */
  typicalMs: number
  slowMs: number
  /** The highest that was seen. */
  cost: number
  facts: Facts | undefined
  /** It was known before this process saw it. */
  isFromBefore: boolean
  /** When the facts were read. @unit ms, by performance.now() */
  factsAt: number
}

export function openKnown(shape: PlanShape, isInferred: boolean): KnownShape {
  const zeros = { seen: 0, unwritten: 0, typicalMs: 0, slowMs: 0, isFromBefore: false }
  return { shape, isInferred, ...zeros, samples: [], cost: shape.cost, facts: undefined, factsAt: -Infinity }
}

export function addSample(known: KnownShape, shape: PlanShape, ms: number): void {
  known.seen++
  known.unwritten++
  known.shape = shape
  known.cost = Math.max(known.cost, shape.cost)
  known.samples.push(ms)
  if (known.samples.length > MOST_SAMPLES) known.samples.shift()
  known.typicalMs = median(known.samples)
  known.slowMs = Math.max(known.slowMs, ms)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}
