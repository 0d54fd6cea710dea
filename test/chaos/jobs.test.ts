import { expect, test } from 'vitest'
import { runJobs } from './jobs/run-jobs.js'

const COUNT = 20_000

// The whole of it, 500,000 jobs: npm run chaos -- jobs
test('jobs under faults: every committed one runs, transactional ones exactly once, rolled-back ones never', async () => {
  const programs = new URL('./dist/jobs/', import.meta.url)
  const { invariants, counts } = await runJobs({ count: COUNT, seed: 7, report: () => {} }, programs)
  expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
  expect(counts['committed']).toBeGreaterThan(COUNT / 2)
}, 180_000)
