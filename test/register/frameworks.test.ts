import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inspectWatch } from '../../src/watch/index.js'
import type { TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { runApp, type App, type AppOptions } from './run-app.js'
import { expectSeen, forgetSeen, openThings, readSeen } from './seen.js'

let box: TestDatabase
let app: App | undefined

beforeAll(async () => void (box = await openThings()))
beforeEach(async () => await forgetSeen(box))
afterEach(async () => {
  app?.child.kill('SIGKILL')
  await app?.ended
  app = undefined
})
afterAll(async () => await box.close())

async function begin(name: string, options?: AppOptions): Promise<App['call']> {
  app = await runApp(name, box.url, options)
  return async (path, init) => await (app as App).call(path, init)
}

const post = (amount: number) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ amount }),
})

const repeat = async (times: number, body: (n: number) => Promise<unknown>) => {
  for (let n = 1; n <= times; n++) await body(n)
}

describe('routes and statements of', () => {
  test('express and a pool, in CommonJS', { timeout: 60_000 }, async () => {
    const call = await begin('express-cjs.cjs')
    await repeat(4, async (n) => expect((await call(`/things/${n}`)).body).toBe(`{"name":"thing ${n}"}`))
    await call('/many')
    await repeat(2, async (n) =>
      expect(await call(`/tenants/t${n}/orders`, post(n))).toEqual({ status: 201, body: `{"next":${n + 1}}` }),
    )
    expect(await call('/fails')).toEqual({
      status: 500,
      body: '{"code":"42P01","message":"relation \\"nothing\\" does not exist"}',
    })
    await repeat(3, async (n) => expect((await call(`/nowhere/${n}`)).status).toBe(404))
    await expectSeen(box, {
      'GET /things/:id': 4,
      'GET /things/:id | select name from thing where id = $1': 4,
      'GET /many': 1,
      'GET /many | select * from thing where id = $1': 3,
      'POST /tenants/:tenant/orders': 2,
      'POST /tenants/:tenant/orders | begin': 2,
      'POST /tenants/:tenant/orders | select $1::int + $2 as next': 2,
      'POST /tenants/:tenant/orders | commit': 2,
      'GET /fails': [1, 1],
      'GET /fails | select * from nothing': 1,
      '(unmatched)': 3,
    })
    expect([await app?.stop(), app?.stderr()]).toEqual([0, ''])
  })

  test('fastify and drizzle', { timeout: 60_000 }, async () => {
    const call = await begin('fastify.mjs')
    await repeat(3, async (n) => expect((await call(`/things/${n}`)).body).toBe(`[{"name":"thing ${n}"}]`))
    await repeat(2, async (n) => expect((await call('/v1/orders', post(n))).status).toBe(201))
    expect((await call('/nowhere')).status).toBe(404)
    await expectSeen(box, {
      'GET /things/:id': 3,
      'GET /things/:id | select name from thing where id = $1': 3,
      'POST /v1/orders': 2,
      'POST /v1/orders | begin': 2,
      'POST /v1/orders | select $1::int': 2,
      'POST /v1/orders | commit': 2,
      '(unmatched)': 1,
    })
    expect([await app?.stop(), app?.stderr()]).toEqual([0, ''])
  })

  test('hono and postgres.js', { timeout: 60_000 }, async () => {
    const call = await begin('hono.mjs')
    await repeat(3, async (n) => expect((await call(`/things/${n}`)).body).toBe(`[{"name":"thing ${n}"}]`))
    await repeat(2, async (n) =>
      expect(await call('/orders', post(n))).toEqual({ status: 201, body: `{"next":${n + 1}}` }),
    )
    expect((await call('/nowhere')).status).toBe(404)
    await expectSeen(box, {
      'GET /things/:id': 3,
      'GET /things/:id | select name from thing where id = $1': 3,
      'POST /orders': 2,
      'POST /orders | begin': 2,
      'POST /orders | select $1::int + $2 as next': 2,
      'POST /orders | commit': 2,
      '(unmatched)': 1,
    })
    expect([await app?.stop(), app?.stderr()]).toEqual([0, ''])
  })

  test('koa and knex', { timeout: 60_000 }, async () => {
    const call = await begin('koa.mjs')
    await repeat(3, async (n) => expect((await call(`/api/things/${n}`)).body).toBe(`[{"name":"thing ${n}"}]`))
    expect((await call('/nowhere')).status).toBe(404)
    await eventually(async () =>
      expect(await readSeen(box)).toMatchObject({
        'GET /api/things/:id': 3,
        'GET /api/things/:id | select "name" from "thing" where "id" = $1': 3,
        '(unmatched)': 1,
      }),
    )
    expect([await app?.stop(), app?.stderr()]).toEqual([0, ''])
  })

  test('bare node:http, kysely, a lone client and callbacks', { timeout: 60_000 }, async () => {
    const call = await begin('bare.mjs')
    expect((await call('/kysely')).body).toBe('[{"name":"thing 1"}]')
    expect((await call('/lone')).body).toBe('[{"n":20}]')
    expect((await call('/callback')).body).toBe('[{"one":true},{"two":true}]')
    expect((await call('/body', { method: 'POST', body: 'secret' })).body).toBe('[{"echoed":"secret"}]')
    await repeat(3, async (n) => await call(`/items/${n}?token=secret`))
    await call('/repeats')
    await expectSeen(box, {
      'GET /repeats': 1,
      'GET /repeats | select name from thing where id = $1 limit $2': 12,
      'GET /kysely': 1,
      'GET /kysely | select name from thing where id = $1': 1,
      'GET /lone': 1,
      'GET /lone | select count(*)::int as n from thing': 1,
      'GET /callback': 1,
      'GET /callback | select pg_backend_pid() > $1 as one': 1,
      'GET /callback | select now() is not null as two': 1,
      'POST /body': 1,
      'POST /body | select $1::text as echoed': 1,
      'GET /items/:id': 3,
    })
    // What is found is kept, not printed.
    expect([await app?.stop(), app?.stderr()]).toEqual([0, ''])
    const { findings } = await inspectWatch(box.db).findings()
    expect(findings).toMatchObject([{ kind: 'repeated-statement', route: 'GET /repeats' }])
  })
})
