import { expect, test } from 'vitest'
import { scanFixture } from './expected.js'

test.each(['rules', 'layers'])('%s: what is bad is found where it stands, and its good twin is not', async (name) => {
  const { found, expected } = await scanFixture(name)
  expect(expected.length).toBeGreaterThan(2)
  expect(found).toEqual(expected)
})
