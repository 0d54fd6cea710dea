import { describe, expect, test } from 'vitest'
import { runLocksOnRedis } from './locks/run-locks.js'
import { findRedis } from './redis.js'

const COUNT = 2_000
const programs = new URL('./dist/locks/', import.meta.url)

// The whole of it, 100,000 acquisitions: npm run chaos -- locks-redis
describe.skipIf((await findRedis()) === undefined)('locks whose queues are in a Redis that fails too', () => {
  test('nothing stale is written, no key is stuck', async () => {
    const { invariants, faults } = await runLocksOnRedis({ count: COUNT, seed: 7, report: () => {} }, programs)
    expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
    expect(Object.keys(faults).length).toBe(14)
  }, 240_000)

  test('without the fence what was read under a lost lock is written', async () => {
    const expected = [
      'no stale write: fences of a key rise in the order of the commits',
      'no lost update: a value is the number of its committed writes',
    ]
    const broken = new Set<string>()
    const only = ['Redis killed, and back without its data', 'worker stopped past its lease']
    for (let seed = 7; seed < 12 && !expected.every((name) => broken.has(name)); seed++) {
      const { invariants } = await runLocksOnRedis(
        { count: 1_000, seed, only, without: ['fence'], report: () => {} },
        programs,
      )
      for (const { name, violations } of invariants) if (violations > 0) broken.add(name)
    }
    expect([...broken]).toEqual(expect.arrayContaining(expected))
  }, 240_000)
})
