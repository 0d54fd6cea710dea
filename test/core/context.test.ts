import { afterAll, beforeAll, expect, test } from 'vitest'
import { currentRequest } from '../../src/core/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
afterAll(async () => await box.close())

test('a request sees its own record across awaits, queries and transactions; nobody else does', async () => {
  const seen = await Promise.all(
    ['a', 'b', 'c'].map(
      async (requestId) =>
        await box.db.runRequest({ requestId, route: `GET /${requestId}` }, async (context) => {
          await box.db.query('select pg_sleep(0.01)')
          await box.db.tx(async (tx) => await tx.query('select 1'))
          expect(currentRequest()).toBe(context)
          return { id: currentRequest()?.requestId, queries: context.queries, sqlMs: context.sqlMs }
        }),
    ),
  )
  expect(seen.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  for (const { queries, sqlMs } of seen) {
    // One query; in the transaction one statement (BEGIN travels with it or counts as none) and COMMIT.
    expect(queries).toBe(3)
    expect(sqlMs).toBeGreaterThan(9)
  }
  expect(currentRequest()).toBeUndefined()
})

test('requests are counted by route, failures apart', async () => {
  await box.db.runRequest({ route: 'GET /ok' }, async () => await Promise.resolve())
  await box.db.runRequest({ route: 'GET /bad' }, async () => await Promise.reject(new Error('x'))).catch(() => {})
  await box.db.runRequest({}, async (context) => {
    context.route = 'GET /late'
    context.status = 503
    await Promise.resolve()
  })
  const { routes } = box.db.stats()
  expect(routes.get('GET /ok')).toMatchObject({ count: 1, errors: 0 })
  expect(routes.get('GET /bad')).toMatchObject({ count: 1, errors: 1 })
  expect(routes.get('GET /late')).toMatchObject({ count: 1, errors: 1 })
})

test('routes are bounded: what is beyond the limit is counted together', async () => {
  for (let n = 0; n < 600; n++)
    await box.db.runRequest({ route: `GET /users/${n}` }, async () => await Promise.resolve())
  const { routes } = box.db.stats()
  expect(routes.size).toBeLessThanOrEqual(501)
  expect(routes.get('(overflow)')?.count).toBeGreaterThan(50)
})
