import { expect, test } from 'vitest'
import { runSagas } from './sagas/run-sagas.js'

const COUNT = 800

// The whole of it, 50,000 checkouts: npm run chaos -- sagas
test('checkouts under faults: every one ends, and money, tickets and seats agree in both databases', async () => {
  const programs = new URL('./dist/sagas/', import.meta.url)
  const { invariants, faults } = await runSagas({ count: COUNT, seed: 7, report: () => {} }, programs)
  expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
  expect(Object.keys(faults).length).toBe(13)
}, 300_000)
