import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Histogram } from '../../src/core/index.js'

const record = (values: readonly number[]) => {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

/** The bound of the histogram: 1/32 of the value, and a microsecond below. */
const bound = (exact: number) => exact * 0.032 + 0.001

describe('a histogram that travels', () => {
  const durations = fc.array(fc.double({ min: 0, max: 4_000_000, noNaN: true }), { minLength: 1, maxLength: 300 })

  test('gives, of several processes, the percentiles of all that they saw, within 3.2 %', () => {
    fc.assert(
      fc.property(fc.array(durations, { minLength: 4, maxLength: 4 }), (processes) => {
        const merged = new Histogram()
        for (const values of processes) {
          const histogram = record(values)
          merged.addEncoded(histogram.encode(), histogram.totalMs)
        }
        const all = processes.flat().toSorted((a, b) => a - b)
        expect(merged.count).toBe(all.length)
        for (const share of [0.5, 0.95, 0.99, 1]) {
          const exact = all[Math.max(1, Math.ceil(share * all.length)) - 1] as number
          expect(Math.abs(merged.percentileMs(share) - exact)).toBeLessThanOrEqual(bound(exact))
        }
      }),
    )
  })

  test('is a few bytes for each bin that is not empty, and survives large counts', () => {
    const histogram = record([0.001, 12, 12, 12])
    expect(histogram.encode().length).toBeLessThanOrEqual(6)
    const merged = new Histogram()
    for (let n = 0; n < 300; n++) merged.addEncoded(histogram.encode(), histogram.totalMs)
    const again = new Histogram()
    again.addEncoded(merged.encode(), merged.totalMs)
    expect([again.count, again.percentileMs(0.5)]).toEqual([1_200, merged.percentileMs(0.5)])
  })

  test('of an unknown kind, or cut off, breaks nothing', () => {
    const histogram = new Histogram()
    histogram.addEncoded(Uint8Array.from([255, 255, 255, 3, 1]), 1)
    histogram.addEncoded(Uint8Array.from([200]), 1)
    expect(histogram.count).toBe(0)
  })
})
