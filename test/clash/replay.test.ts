import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openClashLab, type ClashLab } from '../../src/clash/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { fillShop, requests, shops, type Shop } from './shop.js'

let box: TestDatabase

const drivers = [pg, postgres]
const labs = new Map<string, ClashLab<Shop>>()

beforeAll(async () => {
  box = await openTestDatabase({ migrated: false })
  await fillShop(box.ownerUrl)
  await box.db.close()
  for (const [name, open] of Object.entries(shops))
    labs.set(name, await openClashLab({ url: box.ownerUrl, open, drivers }))
})
afterAll(async () => {
  for (const lab of labs.values()) await lab.close()
  await box.close()
})

const { naive, naiveInTransaction, other, locked, relative, join, leave, leaveOther } = requests
const labOf = (name: string) => labs.get(name) as ClashLab<Shop>

describe.each(Object.keys(shops))('through %s', (name) => {
  test.each([
    ['read, then write', naive, naive],
    ['the same in a transaction', naiveInTransaction, naiveInTransaction],
    ['beside one that locks', locked, naiveInTransaction],
    ['write skew', leave, leaveOther],
  ])('%s: a clash', async (_what, first, second) => {
    const report = await labOf(name).replay(first, second)
    expect(report.verdict, report.diagram).toBe('clash')
    expect(report.firstFailureMs).toBeLessThan(2_000)
    expect(report.diagram.split('\n').every((line) => line.length <= 80)).toBe(true)
  })

  test.each([
    ['locked rows', locked, locked],
    ['relative updates', relative, relative],
    ['other rows', naiveInTransaction, other],
  ])('%s: none', async (_what, first, second) => {
    const report = await labOf(name).replay(first, second)
    expect(report.verdict, report.diagram).toBe('none found')
    expect(report.isComplete).toBe(true)
  })
})

test.each(['pg', 'knex', 'postgres.js'])('two single statements overlap through %s', async (name) => {
  const report = await labOf(name).replay(join, join)
  expect(report.verdict, report.diagram).toBe('clash')
  expect(report.reason).toContain('member has +2 rows instead of +1 row')
})

// "ran more than 300 statements": what ended with it left commits held, and the next schedule let the same one go for ever.
test('a statement that changes nothing, and is the last one, leaves no commit held', async () => {
  for (let n = 0; n < 4; n++) {
    const report = await labOf('postgres.js').replay(requests.visit, requests.visit, { exhaustive: true })
    expect(report.verdict, report.diagram).toBe('none found')
  }
})
