import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AutopsyDocument } from '../../src/http/autopsy-contract.js'
import { createHttp } from '../../src/http/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { writeStory } from '../helpers/watch-series.js'

const token = 'a-token-for-tests'
const origin = 'http://db.example.com'
const mine = { authorization: `Bearer ${token}`, origin, 'x-holdfast-action': '1' }

let box: TestDatabase
let handler: ReturnType<typeof createHttp>
beforeAll(async () => {
  box = await openTestDatabase()
  handler = createHttp(box.db, { token })
})
afterAll(async () => {
  handler.close()
  await box.close()
})

const post = async (path = '', headers: Record<string, string> = mine, to = handler) =>
  await to.fetch(new Request(`${origin}/_holdfast/api/autopsy${path}`, { method: 'POST', headers }))
const read = async (path = '') => (await (await post(path)).json()) as AutopsyDocument

test('before anything was seen it says that this is too little', async () => {
  const { isConnected, onset, verdict } = await read()
  expect([isConnected, onset, verdict.severity]).toEqual([true, null, 'ok'])
})

test('gives the report, of the slowest route and of one', async () => {
  const { onset } = await writeStory(box.ownerUrl)
  const found = await read()
  expect(found).toMatchObject({ route: 'GET /trades', verdict: { severity: 'act' }, missing: [] })
  expect(found.onset).toMatchObject({ at: onset.getTime(), endedAt: null, minutes: 60 })
  expect(found.suspects[0]).toMatchObject({ suspect: 'plan', verdict: 'guilty' })
  expect(Object.keys(found.suspects[0] ?? {}).toSorted()).toEqual(['sentence', 'share', 'suspect', 'verdict'])
  expect(await read('?window=7d&route=GET+%2Fprices')).toMatchObject({ route: 'GET /prices', onset: null })
})

test('is refused to others, to a GET, and with parameters that make no sense', async () => {
  expect((await post('', { ...mine, origin: 'http://evil.example' })).status).toBe(403)
  expect((await post('', { origin, 'x-holdfast-action': '1' })).status).toBe(401)
  const get = await handler.fetch(new Request(`${origin}/_holdfast/api/autopsy`, { headers: mine }))
  expect(get.status).toBe(405)
  expect((await post('?window=1y')).status).toBe(400)
  expect((await post(`?route=${'x'.repeat(400)}`)).status).toBe(400)
})

test('without the tables, or a database that it can ask, it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const other = createHttp(bare.db, { token })
  expect(await (await post('', mine, other)).json()).toMatchObject({
    isConnected: false,
    verdict: { fix: 'Run `holdfast migrate`.' },
  })
  other.close()
  await bare.close()
  const counting = createHttp({ stats: () => box.db.stats(), server: box.db.server }, { token })
  expect(await (await post('', mine, counting)).json()).toMatchObject({ isConnected: false, suspects: [] })
  counting.close()
})
