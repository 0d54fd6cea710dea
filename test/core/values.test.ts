import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findNearest, Histogram, sql } from '../../src/core/index.js'
import { buildStatement } from '../../src/core/sql.js'

const build = (strings: TemplateStringsArray, ...values: unknown[]) => buildStatement(strings, values)

describe('sql', () => {
  test('numbers parameters in order, across nested fragments', () => {
    const filter = sql`where a = ${1} and ${sql.id('we"ird')} = ${2}`
    expect(build`select ${'x'} from t ${filter} limit ${3}`).toEqual({
      text: 'select $1 from t where a = $2 and "we""ird" = $3 limit $4',
      values: ['x', 1, 2, 3],
    })
  })

  test('a value never becomes text', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        fc.pre(value !== undefined)
        const { text, values } = build`select ${value}`
        expect(text).toBe('select $1')
        expect(values).toEqual([value])
      }),
    )
  })

  test('undefined is refused with its position', () => {
    expect(() => build`select ${1}, ${undefined}`).toThrow('Parameter $2 of the template is undefined.')
    expect(() => build`select ${sql`x = ${undefined}`}`).toThrow('Parameter $1')
  })
})

describe('Histogram', () => {
  const durations = fc.array(fc.double({ min: 0.001, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 300 })
  const exact = (values: number[], p: number) =>
    [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(p * values.length) - 1)] as number
  const fill = (values: number[]) => {
    const histogram = new Histogram()
    for (const value of values) histogram.record(value)
    return histogram
  }

  test('percentiles are within 3.2 % or one microsecond of the exact ones', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99, 1), (values, p) => {
        const wanted = exact(values, p)
        expect(Math.abs(fill(values).percentileMs(p) - wanted)).toBeLessThanOrEqual(Math.max(wanted * 0.032, 0.001))
      }),
    )
  })

  test('merging is recording in one, and since() is its inverse', () => {
    fc.assert(
      fc.property(durations, durations, (first, second) => {
        const merged = fill(first)
        const earlier = merged.snapshot()
        merged.merge(fill(second))
        const all = fill([...first, ...second])
        for (const p of [0.1, 0.5, 0.99]) expect(merged.percentileMs(p)).toBe(all.percentileMs(p))
        expect(merged.since(earlier).percentileMs(0.5)).toBe(fill(second).percentileMs(0.5))
        expect(merged.since(earlier).count).toBe(second.length)
      }),
    )
  })

  test('cumulative counts never fall and end at the number recorded within the last bound', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const counts = fill(values).cumulative([1, 10, 100, 1_000, 1_000_000])
        expect([...counts].sort((a, b) => a - b)).toEqual(counts)
        expect(counts.at(-1)).toBe(values.length)
      }),
    )
  })
})

describe('findNearest', () => {
  test('finds slips of one or two letters, a swap included, and keeps silent on strangers', () => {
    const known = ['deadlineMs', 'signal', 'name']
    expect(findNearest('deadlinMs', known)).toBe('deadlineMs')
    expect(findNearest('singal', known)).toBe('signal')
    expect(findNearest('zebra', known)).toBeUndefined()
  })
})
