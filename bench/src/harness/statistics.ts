import { createRandom } from 'holdfast/prove'
import type { Check, Row } from './types.js'

const RESAMPLES = 2_000

export function findMedian(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** The interval that holds the median of 95 % of resamples drawn with replacement; seeded, so a file can be checked. */
export function bootstrapMedian(values: readonly number[]): [number, number] {
  const random = createRandom(1)
  const medians = Array.from({ length: RESAMPLES }, () =>
    findMedian(values.map(() => values[Math.floor(random() * values.length)] as number)),
  ).sort((a, b) => a - b)
  return [medians[Math.floor(RESAMPLES * 0.025)] as number, medians[Math.floor(RESAMPLES * 0.975)] as number]
}

export function summarize(subject: string, metric: string, unit: string, values: readonly number[]): Row {
  return {
    subject,
    metric,
    unit,
    median: round(findMedian(values)),
    min: round(Math.min(...values)),
    max: round(Math.max(...values)),
    runs: values.length,
    samples: values.map(round),
  }
}

export type Bound = { atMost: number } | { atLeast: number }

/** Judges the median of ratios: the whole interval must be on the right side of the bound. */
export function judgeRatio(id: string, ratios: readonly number[], bound: Bound): Check {
  const ci95 = bootstrapMedian(ratios)
  const check = {
    id,
    value: round(findMedian(ratios)),
    bound: describeBound(bound),
    ci95: ci95.map(round) as [number, number],
  }
  const holds = isWithin(bound, ci95[0]) && isWithin(bound, ci95[1])
  return straddles(bound, ci95) ? { ...check, holds: false, inconclusive: true } : { ...check, holds }
}

/** Judges a count that is exact. */
export function judgeCount(id: string, value: number, bound: Bound): Check {
  return { id, value, bound: describeBound(bound), ci95: [value, value], holds: isWithin(bound, value) }
}

export function straddles(bound: Bound, [low, high]: readonly [number, number]): boolean {
  return isWithin(bound, low) !== isWithin(bound, high)
}

function isWithin(bound: Bound, value: number): boolean {
  return 'atMost' in bound ? value <= bound.atMost : value >= bound.atLeast
}

function describeBound(bound: Bound): string {
  const value = 'atMost' in bound ? bound.atMost : bound.atLeast
  const isCoarse = Number(value.toFixed(2)) === value
  const digits = Number.isInteger(value) || !isCoarse ? String(value) : value.toFixed(2)
  return `${'atMost' in bound ? '≤' : '≥'} ${digits}`
}

export function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
