import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeServer, listen } from '../../example/src/utils/listen.js'
import { openTestDatabase, runAdmin, withDatabase, type TestDatabase } from '../helpers/database.js'
import { eventually } from '../helpers/eventually.js'

const startFile = fileURLToPath(new URL('../../example/dist/start.js', import.meta.url))
// A parent that dies without a word, as `holdfast dev` under kill -9 would.
const parentSource = `require('node:child_process').spawn(process.execPath, [process.argv[1]], { stdio: 'inherit' })
setInterval(() => {}, 1000)`

let database: TestDatabase
let paymentsName: string

beforeAll(async () => {
  database = await openTestDatabase({ migrated: false })
  paymentsName = `${new URL(database.ownerUrl).pathname.slice(1)}_payments`
})

afterAll(async () => {
  const admin = withDatabase(database.ownerUrl, 'postgres')
  await database?.close()
  await runAdmin(admin, `drop database if exists ${paymentsName} with (force)`)
})

interface Stack {
  child: ChildProcess
  url: string
  output(): string
}

function launch(args: readonly string[], env: Record<string, string> = {}) {
  const urls = { DATABASE_URL: database.ownerUrl, PAYMENTS_DATABASE_URL: withDatabase(database.ownerUrl, paymentsName) }
  const child = spawn(process.execPath, args, { env: { ...process.env, ...urls, PORT: '0', ...env }, stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const closed = once(child, 'close')
  return { child, closed, output: () => output }
}

async function startStack(args: readonly string[] = [startFile]): Promise<Stack & { closed: Promise<unknown[]> }> {
  const launched = launch(args)
  const url = await eventually(
    () => {
      const found = /dashboard +(\S+)\/_holdfast\//.exec(launched.output())?.[1]
      if (found === undefined) throw new Error(`Not started: ${launched.output()}`)
      return found
    },
    { withinMs: 40_000 },
  )
  return { ...launched, url }
}

const isServing = async (url: string) => (await fetch(`${url}/health`).catch(() => undefined))?.status === 200

async function expectAllGone(url: string): Promise<void> {
  await eventually(async () => {
    expect(await isServing(url)).toBe(false)
    const text = `select application_name from pg_stat_activity where datname = any($1) and application_name like any($2)`
    const names = [new URL(database.ownerUrl).pathname.slice(1), paymentsName]
    expect(await runAdmin(database.ownerUrl, text, [names, ['box-office%', 'payments%']])).toEqual([])
  })
}

// Processes on a busy machine: what is asserted about time is asserted in the tests, not by their deadline.
describe('start', { timeout: 60_000 }, () => {
  test('prints two aligned lines when both URLs answer, and ends everything on SIGTERM', async () => {
    const stack = await startStack()
    const lines = stack
      .output()
      .split('\n')
      .filter((line) => line.includes('➜'))
    expect(lines).toHaveLength(2)
    expect(new Set(lines.map((line) => line.indexOf('http'))).size).toBe(1)
    expect((await fetch(`${stack.url}/`)).status).toBe(200)
    expect((await fetch(`${stack.url}/_holdfast/`)).status).toBeLessThan(500)
    const page = (await (await fetch(`${stack.url}/events`)).json()) as { items: unknown[] }
    expect(page.items.length).toBeGreaterThan(0)
    // The traffic buys without being asked, and the worker beside the server writes the mails.
    await eventually(
      async () => expect(await runAdmin(database.ownerUrl, `select 1 from outgoing_mails limit 1`)).not.toEqual([]),
      { withinMs: 20_000 },
    )

    const stoppedAt = performance.now()
    stack.child.kill('SIGTERM')
    expect(await stack.closed).toEqual([0, null])
    expect(performance.now() - stoppedAt).toBeLessThan(3_000)
    await expectAllGone(stack.url)
  })

  test('a child that dies is reported and ends the whole', async () => {
    const stack = await startStack()
    const health = (await (await fetch(`${stack.url}/health`)).json()) as { pid: number }
    process.kill(health.pid, 'SIGKILL')
    expect(await stack.closed).toEqual([1, null])
    expect(stack.output()).toContain('The box office process ended unexpectedly with signal SIGKILL.')
    await expectAllGone(stack.url)
  })

  test.each([
    ['its parent', ['-e', parentSource, startFile]],
    ['start itself', [startFile]],
  ])('nothing survives %s being killed', async (_, args) => {
    const stack = await startStack(args)
    stack.child.kill('SIGKILL')
    await stack.closed
    await expectAllGone(stack.url)
  })

  test('a taken PORT is named with a fix, before anything is started', async () => {
    const other = createServer()
    const port = await listen(other, 0, '127.0.0.1')
    const { closed, output } = launch([startFile], { PORT: String(port) })
    expect(await closed).toEqual([2, null])
    expect(output()).toContain(`HF_CLI_PORT_TAKEN  PORT ${port} is in use`)
    expect(output()).toContain(`PORT=${port + 1} npm start`)
    await closeServer(other)
  })

  test('a missing DATABASE_URL is named', async () => {
    const { closed, output } = launch([startFile], { DATABASE_URL: '' })
    expect(await closed).toEqual([1, null])
    expect(output()).toContain('DATABASE_URL')
    expect(output()).not.toContain('    at ')
  })
})
