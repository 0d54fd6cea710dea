import { expect, test } from 'vitest'
import { runHolds } from './holds/run-holds.js'

const COUNT = 3_000

// The whole of it, 100,000 holds: npm run chaos -- holds
test('holds under faults: nothing is oversold, nothing sold twice, and all that is not paid for comes back', async () => {
  const programs = new URL('./dist/holds/', import.meta.url)
  const { invariants, faults } = await runHolds({ count: COUNT, seed: 7, report: () => {} }, programs)
  expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
  expect(Object.keys(faults).length).toBe(12)
}, 180_000)
