import { describe, expect, test } from 'vitest'
import { createRandom, deriveSeed } from '../../example/src/utils/random.js'

const take = (seed: number, count: number) => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => random.next())
}

describe('random', () => {
  test('the same seed gives the same sequence, on every machine', () => {
    expect(take(42, 1_000)).toEqual(take(42, 1_000))
    // The reference values of mulberry32(42).
    expect(take(42, 3)).toEqual([0.6011037519201636, 0.44829055899754167, 0.8524657934904099])
    expect(take(1, 5)).not.toEqual(take(2, 5))
  })

  test('is even enough: mean, range and all of a small list', () => {
    const values = take(7, 20_000)
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(values.reduce((a, b) => a + b) / values.length).toBeCloseTo(0.5, 1)
    const random = createRandom(3)
    expect(new Set(Array.from({ length: 200 }, () => random.integer(1, 6)))).toEqual(new Set([1, 2, 3, 4, 5, 6]))
    expect(() => random.pick([])).toThrow(RangeError)
  })

  test('derives a seed per part that depends on the whole path', () => {
    expect(deriveSeed(1, 'past', 3)).toBe(deriveSeed(1, 'past', 3))
    const seeds = [deriveSeed(1, 'past', 3), deriveSeed(2, 'past', 3), deriveSeed(1, 'past', 4), deriveSeed(1, 'x', 3)]
    expect(new Set(seeds).size).toBe(4)
  })
})
