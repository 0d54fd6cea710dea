import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { pbkdf2, pbkdf2Sync } from 'node:crypto'
import fs, { appendFileSync, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { connectTo, type Db } from '../../../src/core/index.js'
import { watch, type Finding, type Watch } from '../../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../../helpers/database.js'
import { quietLogger } from '../../helpers/jobs.js'

let box: TestDatabase
let folder: string
const opened: { close(): Promise<void> }[] = []

beforeAll(async () => {
  box = await openTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-'))
})
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await box.close()
})

async function openWatch(max = 4): Promise<{ db: Db; watching: Watch; findings: Finding[] }> {
  const findings: Finding[] = []
  const db = await connectTo({ url: box.url, directUrl: box.url, heartbeatMs: 600_000, pool: { max } })
  const onFinding = (finding: Finding) => void findings.push(finding)
  const watching = await watch(db, {
    flushMs: 60_000,
    logger: quietLogger,
    plans: false,
    shapes: false,
    clash: false,
    onFinding,
  })
  opened.push({ close: async () => await db.close() }, { close: async () => await watching.stop() })
  return { db, watching, findings }
}

/** As a router that tells the route when it has matched, after the middleware. */
const serve = async (db: Db, route: string, body: () => Promise<unknown>, before = () => {}) =>
  await db.runRequest({}, async (context) => {
    before()
    await body()
    context.route = route
  })

const ofKind = (findings: readonly Finding[], kind: Finding['kind']) => findings.filter((each) => each.kind === kind)

test('a synchronous call that hides in a middleware is told with its line, its share and its routes', async () => {
  const { db, watching, findings } = await openWatch()
  const audit = () => appendFileSync(join(folder, 'audit.log'), `${'x'.repeat(100)}\n`)
  for (let n = 0; n < 40; n++) await serve(db, n % 8 === 0 ? 'POST /orders' : 'GET /orders', async () => {}, audit)
  await watching.flush()
  expect(ofKind(findings, 'sync-call')).toEqual([
    expect.objectContaining({
      subject: expect.stringMatching(/^test\/watch\/blocking\/detectors\.test\.ts:\d+$/) as string,
      route: 'GET /orders',
      sentence: expect.stringMatching(
        /^fs\.appendFileSync ran \d+ times inside of requests of 2 routes in .*: audit \(/,
      ) as string,
      fix: expect.stringContaining('Call `appendFile` and await it') as string,
    }),
  ])
})

test('a slow one is told after a single call, with what has room for it', async () => {
  const { db, watching, findings } = await openWatch()
  await serve(db, 'POST /login', async () => void pbkdf2Sync('secret', 'salt', 30_000, 64, 'sha512'))
  await watching.flush()
  const [found] = ofKind(findings, 'sync-call')
  expect(found).toMatchObject({ route: 'POST /login', fix: expect.stringContaining('createLimiter') as string })
  expect(found?.sentence).toContain('crypto.pbkdf2Sync ran once')
})

test('outside of requests, short and seldom, or of the loader: nothing is told', async () => {
  const { db, watching, findings } = await openWatch()
  pbkdf2Sync('secret', 'salt', 30_000, 64, 'sha512')
  await serve(db, 'GET /few', async () => void existsSync(folder))
  await watching.flush()
  expect(findings).toEqual([])
})

test('functions are as they were: names, lengths, promisify, and themselves again when nobody watches', async () => {
  const before = [fs.readFileSync, fs.realpathSync, Atomics.wait] as const
  const { watching } = await openWatch()
  expect(fs.readFileSync).not.toBe(before[0])
  expect([fs.readFileSync.name, fs.readFileSync.length]).toEqual([before[0].name, before[0].length])
  expect(fs.realpathSync.native).toBe(before[1].native)
  expect(() => fs.readFileSync(join(folder, 'missing'))).toThrow(/ENOENT/)
  await watching.stop()
  expect([fs.readFileSync, fs.realpathSync, Atomics.wait]).toEqual(before)
})

test('threads of libuv that are taken are told with what takes them', async () => {
  const { db, watching, findings } = await openWatch()
  const hash = async () => await promisify(pbkdf2)('secret', 'salt', 100_000, 64, 'sha512')
  // Each asks again at once, so that some always wait behind the canary: of a single batch the last ones may end with it.
  const logIn = async () => {
    for (let n = 0; n < 5; n++) await hash()
  }
  await serve(db, 'POST /login', async () => {
    await sleep(300)
    await Promise.all(Array.from({ length: 16 }, logIn))
  })
  await watching.flush()
  const [found] = ofKind(findings, 'starved-threadpool')
  expect(found).toMatchObject({ subject: 'crypto.pbkdf2', statement: '0' })
  expect(found?.sentence).toMatch(
    /waited \d+ ms for one of libuv’s 4 threads, while the event loop turned\. Under way: \d+ × crypto\.pbkdf2/,
  )
})

test('who holds connections while the database does nothing is told, and who waits', async () => {
  const { db, watching, findings } = await openWatch(2)
  const slow = createServer((_request, response) => void setTimeout(() => response.end('paid'), 150))
  await new Promise<void>((resolve) => void slow.listen(0, '127.0.0.1', resolve))
  opened.push({ close: async () => void slow.close() })
  const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`
  const pay = async () =>
    await serve(db, 'POST /pay', async () => {
      await db.tx(async (tx) => {
        await tx.query('select 1')
        await (await fetch(url)).text()
      })
    })
  const me = async () => await serve(db, 'GET /me', async () => await db.query('select 1'))
  await Promise.all([pay(), pay(), pay(), pay(), me(), me()])
  await watching.flush()
  const [found] = ofKind(findings, 'starved-pool')
  expect(found).toMatchObject({ route: 'POST /pay', subject: 'POST /pay' })
  expect(found?.sentence).toMatch(
    /^POST \/pay held connections for (9\d|100) % of the time.*while it called another service/,
  )
  expect(found?.evidence['routes']).toMatchObject([{ route: 'POST /pay', requests: 4 }, { route: 'GET /me' }])
})

test('so it is with postgres.js, whose transactions hold connections', async () => {
  const findings: Finding[] = []
  const sql = postgres(box.url, { max: 2 })
  const onFinding = (finding: Finding) => void findings.push(finding)
  const watching = await watch(sql, {
    flushMs: 60_000,
    logger: quietLogger,
    plans: false,
    shapes: false,
    clash: false,
    onFinding,
  })
  opened.push({ close: async () => await sql.end() }, { close: async () => await watching.stop() })
  const serveSql = async (route: string, body: () => Promise<unknown>) => await watching.runRequest({ route }, body)
  const pay = async () =>
    await serveSql('POST /pay', async () => {
      await sql.begin(async (tx) => {
        await tx`select 1`
        await sleep(120)
      })
    })
  await Promise.all([pay(), pay(), pay(), pay(), serveSql('GET /me', async () => await sql`select 1`)])
  await watching.flush()
  expect(ofKind(findings, 'starved-pool')).toMatchObject([{ route: 'POST /pay', severity: 'act' }])
})

test('a busy pool whose connections work is nobody’s fault', async () => {
  const { db, watching, findings } = await openWatch(2)
  const work = async () => await serve(db, 'GET /work', async () => await db.query('select pg_sleep(0.1)'))
  await Promise.all([work(), work(), work(), work(), work(), work()])
  await watching.flush()
  expect(ofKind(findings, 'starved-pool')).toEqual([])
})

test('a rejection that nobody handled is told with its route and line, where the process goes on by its own choice', async () => {
  const { db, watching, findings } = await openWatch()
  const others = process.rawListeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const handled = new Promise((resolve) => process.once('unhandledRejection', resolve))
  await sleep(0)
  await serve(db, 'POST /orders', async () => {
    void Promise.resolve().then(() => {
      throw new RangeError('of a customer')
    })
    await sleep(5)
  })
  await handled
  await sleep(0)
  // With the application's own gone, ours is gone too: a process without one ends by them.
  expect(process.listenerCount('unhandledRejection')).toBe(0)
  for (const each of others) process.on('unhandledRejection', each as () => void)
  await watching.flush()
  const [found] = ofKind(findings, 'unhandled-rejection')
  expect(found).toMatchObject({
    route: 'POST /orders',
    subject: expect.stringContaining('detectors.test.ts:') as string,
  })
  expect(JSON.stringify(found)).not.toContain('customer')
})

test('work that outlives its request is told, a failure of it first of all', async () => {
  const { db, watching, findings } = await openWatch()
  let late: Promise<unknown> | undefined
  await serve(db, 'POST /orders', async () => {
    late = db.query('select pg_sleep(0.05), 1/0').catch(() => {})
    await Promise.resolve()
  })
  await late
  await watching.flush()
  expect(ofKind(findings, 'outlived-request')).toMatchObject([{ severity: 'act', route: 'POST /orders' }])
})

test('the event loop and the threads are measured while requests are under way', async () => {
  const { db, watching } = await openWatch()
  await serve(db, 'GET /report', async () => {
    await sleep(30)
    const until = performance.now() + 60
    while (performance.now() < until);
    await sleep(30)
  })
  const stats = watching.stats().blocking
  expect(stats?.loopDelayMaxMs).toBeGreaterThan(40)
  expect(stats?.utilisation).toBeGreaterThan(0.1)
})

test('a process that ends by a rejection ends by it, and says of which route it was', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('rejects.mjs', import.meta.url))], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  expect(code).toBe(1)
  const line = stderr.split('\n').find((each) => each.startsWith('{')) ?? '{}'
  expect(JSON.parse(line)).toMatchObject({ level: 'error', finding: 'unhandled-rejection', route: 'POST /orders' })
  expect(line).toMatch(/rejects\.mjs:\d+/)
  expect(line).not.toContain('of a customer')
})
