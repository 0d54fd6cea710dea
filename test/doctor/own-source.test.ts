import { expect, test } from 'vitest'
import { scanSource } from '../../src/doctor/index.js'

test.each(['src', 'example/src'])('%s has nothing to watch', { timeout: 60_000 }, async (target) => {
  const { findings, figures, complaints } = await scanSource({ target })
  expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([])
  expect(complaints).toEqual([])
  expect(figures.routes).toBeGreaterThan(target === 'src' ? 0 : 20)
})
