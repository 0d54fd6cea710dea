import { expect, test } from 'vitest'
import { createRequest } from '../../../src/core/early.js'
import { SyncBook } from '../../../src/watch/blocking/sync-book.js'

test('short calls beside slow ones of the same line are counted', () => {
  const book = new SyncBook()
  const request = createRequest({ route: 'POST /orders' })
  for (let n = 0; n < 30; n++) book.note('fs.appendFileSync', n < 8 ? 5 : 0.2, request)
  const [finding, ...others] = book.takeFindings()
  expect(others).toEqual([])
  expect(finding?.evidence).toMatchObject({ calls: 30, most_ms: 5, routes: ['POST /orders'] })
  expect(finding?.subject).toMatch(/sync-book\.test\.ts:\d+$/)
})
