import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectTo, type Db } from '../../src/core/index.js'
import { startProxy, throughProxy, type Proxy } from '../../src/prove/index.js'
import { createSagas, defineSaga, type Sagas } from '../../src/sagas/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

// N + 1 round trips for N calls, k + 1 for a tx step of k queries; the first is the start, the last the end.

let box: TestDatabase
let proxy: Proxy
let db: Db
let sagas: Sagas
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

const calls = defineSaga('three-calls', { version: 1 }, async (s) => {
  for (const name of ['a', 'b', 'c']) await s.call(name, { do: () => name, undo: () => {} })
})
const queries = defineSaga('three-txs', { version: 1 }, async (s) => {
  for (const name of ['a', 'b', 'c'])
    await s.tx(name, { do: async (tx) => await tx.query('select $1::text', [name]).then(() => name) })
})
const mixed = defineSaga('mixed', { version: 1 }, async (s) => {
  await s.call('a', { do: () => 1 })
  await s.tx('b', { do: async (tx) => void (await tx.query('select $1::text', ['b'])) })
  await s.call('c', { do: () => 1 })
})
const undone = defineSaga('undone', { version: 1 }, async (s) => {
  await s.call('a', { do: () => 1, undo: () => {} })
  await s.call('b', { do: () => 1, undo: () => {} })
  await s.call('c', { do: () => Promise.reject(new Error('no')), retry: { attempts: 1 }, isRefusal: () => true })
})

beforeAll(async () => {
  box = await openTestDatabase()
  const url = new URL(box.url)
  proxy = await startProxy({ host: url.hostname, port: Number(url.port) })
  db = await connectTo({ url: throughProxy(box.url, proxy), directUrl: box.url, heartbeatMs: 600_000, logger })
  sagas = await createSagas(db, { sagas: [calls, queries, mixed, undone], logger })
  // Nothing of its own meanwhile: no look, no heartbeat.
  await sagas.work({ pollMs: 60_000, leaseMs: 600_000 })
})
afterAll(async () => {
  await sagas.close()
  await db.close()
  await proxy.close()
  await box.close()
})

async function count(saga: typeof calls): Promise<number> {
  const states: number[] = []
  for (let turn = 0; turn < 2; turn++) {
    const before = proxy.bursts()
    const { id } = await sagas.start(saga, undefined)
    while (!['done', 'compensated'].includes(await stateOf(id))) await new Promise((resolve) => setTimeout(resolve, 5))
    states.push(proxy.bursts() - before)
  }
  // The first one makes connections, and prepares what is prepared.
  return states[1] as number
}

/** Past the proxy. */
async function stateOf(id: string): Promise<string> {
  const { rows } = await box.db.query<{ state: string }>('select state from holdfast.sagas_instances where id = $1', [
    id,
  ])
  return rows[0]?.state ?? ''
}

test.each([
  ['three calls', calls, 4],
  ['three tx steps of a query', queries, 7],
  ['call, tx, call', mixed, 5],
  // Start, two ends with the next begin, the refusal with what is to be undone, the first undoing, the second with the end.
  ['two calls and a refusal, undone', undone, 6],
])('%s', async (_, saga, most) => {
  expect(await count(saga)).toBeLessThanOrEqual(most)
})

test('what many sagas have to write at a time is one statement', async () => {
  const before = proxy.bursts()
  const ids = await Promise.all(Array.from({ length: 20 }, async () => (await sagas.start(calls, undefined)).id))
  for (const id of ids) while ((await stateOf(id)) !== 'done') await new Promise((resolve) => setTimeout(resolve, 5))
  expect(proxy.bursts() - before).toBeLessThan(20 * 4 * 0.4)
})
