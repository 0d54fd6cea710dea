import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inspectWatch } from '../../src/watch/index.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { spawnFixture, waitForEnd, type AppOptions } from './run-app.js'

let box: TestDatabase
beforeAll(async () => void (box = await openTestDatabase()))
beforeEach(async () => void (await box.db.query('delete from holdfast.watch_series')))
afterAll(async () => await box.close())

async function run(how: string, { env, ...options }: AppOptions = {}, url = box.url) {
  const child = spawnFixture('ends.mjs', url, { ...options, env: { HOW: how, SECONDS: '1', ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return {
    code: await waitForEnd(child),
    stdout,
    stderr: stderr.replaceAll(/file:\S+|\(node:\d+\)|[^\n]*node_modules[^\n]*\n/g, ''),
  }
}

const countCalls = async () => {
  const statements = await inspectWatch(box.db).statements()
  return statements.reduce((sum, { calls }) => sum + calls, 0)
}

describe('a program that ends', () => {
  test.each([
    ['plain', 0],
    ['code', 4],
    ['exit', 3],
    ['throw', 1],
    ['reject', 1],
    ['signal', 'SIGTERM'],
    ['handled', 5],
  ])('by %s ends as it does without', { timeout: 60_000 }, async (how, code) => {
    const [bare, watched] = await Promise.all([run(how, { args: [] }), run(how)])
    expect(bare.code).toBe(code)
    expect(watched).toEqual(bare)
  })

  test.each(['plain', 'code', 'signal', 'handled'])('by %s loses nothing', { timeout: 60_000 }, async (how) => {
    await run(how)
    expect(await countCalls()).toBe(11)
  })

  test('by signal while watching begins loses nothing', { timeout: 60_000 }, async () => {
    await run('signal', { env: { SECONDS: '0.2' } })
    expect(await countCalls()).toBe(3)
  })

  test('before it is watched is left alone', { timeout: 60_000 }, async () => {
    const watched = await run('plain', { env: { SECONDS: '0', HOLDFAST_WATCH_FLUSH_MS: '60000' } })
    expect(watched).toEqual({ code: 0, stdout: 'answered [{"one":1}]\n', stderr: '' })
    expect(await countCalls()).toBe(0)
  })
})

// One that is loaded before is neither seen nor traced.
test('no package is loaded before the application loads one', { timeout: 60_000 }, async () => {
  const child = spawnFixture('loaded.cjs', box.url)
  let stdout = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  expect([await waitForEnd(child), stdout]).toEqual([0, 'loaded []\n'])
})

describe('nothing is watched, and nothing is disturbed', () => {
  test('when it is off', { timeout: 60_000 }, async () => {
    expect(await run('plain', { env: { HOLDFAST_WATCH: 'off' } })).toMatchObject({ code: 0, stderr: '' })
    expect(await countCalls()).toBe(0)
  })

  test('when the database is away', { timeout: 60_000 }, async () => {
    const away = 'postgres://nobody@127.0.0.1:1/nothing'
    const watched = await run('plain', {}, away)
    expect(watched).toEqual({ code: 0, stdout: 'answered ECONNREFUSED\n', stderr: '' })
  })

  test('when the tables are not there, which is told once', { timeout: 60_000 }, async () => {
    const bare = await openTestDatabase({ migrated: false })
    try {
      const watched = await run('plain', {}, bare.url)
      expect(watched).toMatchObject({ code: 0, stdout: 'answered [{"one":1}]\n' })
      const lines = watched.stderr.trim().split('\n')
      expect(lines).toHaveLength(1)
      expect(JSON.parse(lines[0] as string)).toMatchObject({ level: 'warn', fix: 'Run `holdfast migrate`.' })
    } finally {
      await bare.close()
    }
  })

  test('what is kept elsewhere is', { timeout: 60_000 }, async () => {
    const bare = await openTestDatabase({ migrated: false })
    try {
      expect(await run('plain', { env: { HOLDFAST_URL: box.url } }, bare.url)).toMatchObject({ code: 0, stderr: '' })
      expect(await countCalls()).toBe(11)
    } finally {
      await bare.close()
    }
  })
})
