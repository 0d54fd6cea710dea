import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'

const main = fileURLToPath(new URL('coexist/main.mjs', import.meta.url))

interface Span {
  name: string
  text?: string
  failed: boolean
  parent?: string
}

interface Report {
  rounds: number
  settled: number
  effects: number
  /** Names of spans that were started and never ended. */
  open: string[]
  ended: Span[]
}

let box: TestDatabase
beforeAll(async () => void (box = await openTestDatabase({ migrated: false })))
afterAll(async () => await box.close())

/** Each in a process of its own: what patches the driver cannot be taken off again. */
async function run(tracer: string, order: string): Promise<{ report: Report; stderr: string }> {
  const child = spawn(process.execPath, [main, box.url, tracer, order], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`The process ended with ${String(code)}: ${stderr}`)
  return { report: JSON.parse(stdout) as Report, stderr }
}

// Loaded last, no tracer sees the statements: the driver is already there. That is so without holdfast too.
describe.each([
  { tracer: 'otel', order: 'first', sees: true },
  { tracer: 'otel', order: 'last', sees: false },
  { tracer: 'otel-comments', order: 'first', sees: true },
  { tracer: 'sentry', order: 'first', sees: true },
  { tracer: 'sentry', order: 'last', sees: false },
  { tracer: 'none', order: 'first', sees: false },
])('$tracer loaded $order', ({ tracer, order, sees }) => {
  test('every answer is right, every span ends, nothing is printed', { timeout: 60_000 }, async () => {
    const { report, stderr } = await run(tracer, order)
    expect(stderr).toBe('')
    const { rounds, settled, effects, open, ended } = report
    expect({ settled, effects }).toEqual({ settled: 6 * rounds, effects: rounds })
    expect(open).toEqual([])
    const count = (text: RegExp) => ended.filter((span) => text.test(span.text ?? '')).length
    const countFailed = (text: RegExp) => ended.filter((span) => span.failed && text.test(span.text ?? '')).length
    const seen = {
      rounds: ended.filter((span) => span.name.startsWith('round ')).length,
      // BEGIN went with these: one span each, of the statement.
      insert: count(/insert into work/),
      commit: count(/^commit$/i),
      rollback: count(/^rollback$/i),
      failed: countFailed(/\/ \$1::int/),
      cancelled: countFailed(/pg_sleep/),
      httpCalls: ended.filter((span) => span.name.startsWith('GET')).length > 0,
    }
    const quiet = { rounds: tracer === 'none' ? 0 : rounds, httpCalls: tracer !== 'none' }
    const sql = sees ? { insert: 2, commit: 3, rollback: 4, failed: 2, cancelled: 2 } : {}
    const expected = { insert: 0, commit: 0, rollback: 0, failed: 0, cancelled: 0, ...sql }
    expect(seen).toEqual({
      ...quiet,
      ...Object.fromEntries(Object.entries(expected).map(([name, n]) => [name, n * rounds])),
      ...(tracer.startsWith('otel') && sees && { cancelled: 2 * rounds + 1 }),
    })
    // Each statement hangs below the request that sent it.
    const inRounds = ended.filter((span) => /^(commit|rollback)$|insert into/i.test(span.text ?? ''))
    expect(inRounds.filter((span) => span.parent === undefined)).toEqual([])
  })
})
