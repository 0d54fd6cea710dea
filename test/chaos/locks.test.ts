import { expect, test } from 'vitest'
import { runLocks } from './locks/run-locks.js'

const COUNT = 3_000

// The whole of it, 100,000 acquisitions: npm run chaos -- locks
test('locks under faults: nothing stale is written, nobody is overtaken, no key is stuck', async () => {
  const programs = new URL('./dist/locks/', import.meta.url)
  const { invariants, faults } = await runLocks({ count: COUNT, seed: 7, report: () => {} }, programs)
  expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
  expect(Object.keys(faults).length).toBe(12)
}, 180_000)
