import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inspectWatch, type Finding } from '../../src/watch/index.js'
import type { TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'
import { runApp, type App } from './run-app.js'
import { openThings } from './seen.js'

let box: TestDatabase
let app: App | undefined
let folder: string

beforeAll(async () => {
  box = await openThings()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-faults-'))
})
beforeEach(async () => void (await box.db.query('delete from holdfast.watch_findings')))
afterEach(async () => {
  app?.child.kill('SIGKILL')
  await app?.ended
  app = undefined
})
afterAll(async () => {
  await box.close()
  await rm(folder, { recursive: true, force: true })
})

const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"password":"correct horse"}' }
/** A handful of short calls is nobody's trouble: it takes some between two flushes. */
const REQUESTS = 40
const FLUSH_MS = '1000'

describe.each(['faulty-express.cjs', 'faulty-fastify.mjs'])('planted faults of %s, which nobody changed', (name) => {
  test('are found, with their lines and routes', { timeout: 60_000 }, async () => {
    app = await runApp(name, box.url, { env: { AUDIT_LOG: join(folder, name), HOLDFAST_WATCH_FLUSH_MS: FLUSH_MS } })
    const call = async (path: string, init?: RequestInit) => await (app as App).call(path, init)
    const lineOf = await readFaults(name)
    const expected = [
      { kind: 'sync-call', subject: lineOf('audit'), route: expect.stringMatching(/^(GET|POST) \//) as string },
      { kind: 'blocked-loop', subject: lineOf('login'), route: 'POST /login' },
      { kind: 'blocked-loop', subject: lineOf('scores'), route: 'GET /scores/:id' },
      { kind: 'blocked-loop', subject: lineOf('export'), route: 'GET /export' },
    ]
    await eventually(
      async () => {
        // Again, where a busy machine kept the thread from looking.
        await Promise.all(Array.from({ length: REQUESTS }, async (_, n) => await call(`/things/${n}`)))
        for (const path of ['/scores/1', '/export']) expect((await call(path)).status).toBe(200)
        expect((await call('/login', post)).status).toBe(200)
        const found = await readFindings()
        for (const each of expected) expect(found).toContainEqual(each)
      },
      { withinMs: 40_000 },
    )
    expect([await app.stop(), app.stderr()]).toEqual([0, ''])
  })
})

/** As `holdfast findings --json` reads them. */
async function readFindings(): Promise<Pick<Finding, 'kind' | 'subject' | 'route'>[]> {
  const since = new Date(Date.now() - 3_600_000)
  const { findings } = await inspectWatch(box.db).findings({ since })
  return findings.map(({ kind, subject, route }) => ({ kind, subject: resolve(subject), route }))
}

/** `file:line` of a fault, by its marker. */
async function readFaults(name: string): Promise<(fault: string) => string> {
  const file = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
  const lines = (await readFile(file, 'utf8')).split('\n')
  return (fault) => `${file}:${1 + lines.findIndex((line) => line.endsWith(`// fault: ${fault}`))}`
}
