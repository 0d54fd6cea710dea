import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RequestContext } from '../../src/core/index.js'
import type { TestDatabase } from '../helpers/database.js'
import { runApp, type App } from './run-app.js'
import { expectSeen, forgetSeen, openThings } from './seen.js'

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

const tracer = fileURLToPath(new URL('fixtures/traced.cjs', import.meta.url))
const register = ['--import', 'holdfast/register']

describe.each([
  ['before', ['--import', tracer, ...register]],
  ['after', [...register, '--import', tracer]],
])('OpenTelemetry patches the driver %s', (_when, args) => {
  test('and both see each statement once', { timeout: 60_000 }, async () => {
    app = await runApp('traced-app.cjs', box.url, { args })
    for (let n = 0; n < 3; n++) expect((await app.call(`/things/${n}`)).body).toBe('ok')
    const report = JSON.parse((await app.call('/report')).body) as object
    expect(report).toEqual({ own: 6, orphans: 0, parents: true })
    await expectSeen(box, {
      'GET /things/:id': 3,
      'GET /things/:id | select count(*) from thing': 3,
      'GET /things/:id | select max(id) from thing': 3,
      'GET /report': 1,
    })
    expect([await app.stop(), app.stderr()]).toEqual([0, ''])
  })
})

describe.each([
  ['before', ['--import', tracer, ...register]],
  ['after', [...register, '--import', tracer]],
])('with the hook of OpenTelemetry for ES modules %s', (_when, args) => {
  test.each(['fastify.mjs', 'hono.mjs'])('%s is watched as it is without', { timeout: 60_000 }, async (name) => {
    app = await runApp(name, box.url, { args })
    for (let n = 1; n <= 3; n++) expect((await app.call(`/things/${n}`)).body).toBe(`[{"name":"thing ${n}"}]`)
    await expectSeen(box, { 'GET /things/:id': 3, 'GET /things/:id | select name from thing where id = $1': 3 })
    expect(await app.stop()).toBe(0)
  })
})

describe.each([{ WATCHES: 'yes' }, { WATCHES: 'no' }])(
  'an application that uses holdfast, watching itself: %o',
  (env) => {
    test('is counted once', { timeout: 60_000 }, async () => {
      app = await runApp('middleware.mjs', box.url, { env })
      for (let n = 0; n < 3; n++) await app.call(`/things/${n}`)
      const mine = {
        'GET /things/:id': 3,
        'GET /things/:id | select name from thing where id = $1': 3,
        'GET /things/:id | select count(*) from thing': 3,
      }
      await expect.poll(async () => await readOf('GET /things/:id'), { timeout: 15_000 }).toEqual(mine)
      expect([await app.stop(), app.stderr()]).toEqual([0, ''])
      // What it writes as it ends is no more than that.
      expect(await readOf('GET /things/:id')).toEqual(mine)
    })
  },
)

async function readOf(route: string): Promise<object> {
  const { readSeen } = await import('./seen.js')
  return Object.fromEntries(Object.entries(await readSeen(box)).filter(([name]) => name.startsWith(route)))
}

type Told = Omit<RequestContext, 'outboundByHost'> & { outboundByHost: [string, number][] }

test('a context tells where the time went', { timeout: 60_000 }, async () => {
  app = await runApp('context.mjs', box.url)
  const { call } = { call: async (path: string) => await (app as App).call(path) }
  const slow = call('/slow')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await Promise.all([slow, call('/quick')])
  await call('/calls')
  await call('/blocks')
  for (let n = 0; n < 12; n++) await call('/quick')
  const told = JSON.parse((await call('/report')).body) as Told[]
  const of = (route: string) => told.filter((each) => each.route === route)

  const [quick, ...later] = of('GET /quick') as [Told, ...Told[]]
  // It waited for the only connection, and is still told apart from whoever gave it back.
  expect(quick.poolMs).toBeGreaterThan(50)
  expect(quick.queries).toBe(1)
  expect(quick.sqlMs).toBeLessThan(quick.poolMs)
  const [slowOne] = of('GET /slow') as [Told]
  expect([slowOne.queries, slowOne.sqlMs > 190]).toEqual([1, true])
  expect(later.map(({ isFirst }) => isFirst)).toEqual([...Array(9).fill(true), ...Array(3).fill(false)])

  const [calls] = of('GET /calls') as [Told]
  const hosts = Object.fromEntries(calls.outboundByHost)
  expect(Object.keys(hosts)).toEqual(['localhost', '127.0.0.1'])
  expect(Object.values(hosts).every((ms) => ms > 25)).toBe(true)
  expect(calls.outboundMs).toBeCloseTo(
    Object.values(hosts).reduce((sum, ms) => sum + ms, 0),
    5,
  )

  const [blocks] = of('GET /blocks') as [Told]
  expect(blocks.loopMs).toBeGreaterThan(90)
  expect(JSON.stringify(told.map(({ route }) => route))).not.toContain('12')
  expect([await app.stop(), app.stderr()]).toEqual([0, ''])
})
