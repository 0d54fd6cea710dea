import { expect, test } from 'vitest'
import { judgeRatio, summarize } from '../../bench/src/harness/statistics.js'

test('a ratio holds, misses or is inconclusive by its whole interval', () => {
  const bound = { atLeast: 2 }
  expect(judgeRatio('a', [2.1, 2.2, 2.3, 2.2], bound)).toMatchObject({ holds: true, bound: '≥ 2' })
  expect(judgeRatio('a', [1.1, 1.2, 1.3, 1.2], bound)).toMatchObject({ holds: false })
  expect(judgeRatio('a', [1.1, 1.2, 1.3, 1.2], bound)).not.toHaveProperty('inconclusive')
  expect(judgeRatio('a', [1.5, 2.5, 1.6, 2.4], bound)).toMatchObject({ holds: false, inconclusive: true })
})

test('a row holds every sample in its order', () => {
  const row = summarize('holdfast', 'rate', 'jobs/s', [3, 1, 2.00049])
  expect(row).toMatchObject({ median: 2, min: 1, max: 3, runs: 3, samples: [3, 1, 2] })
})
