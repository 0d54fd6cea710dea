import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Stall } from '../../../src/watch/blocking/describe-stall.js'

const program = fileURLToPath(new URL('blocks.mjs', import.meta.url))

type Told = Stall & { route?: string; unasked?: number }

interface Outcome {
  told: Map<string, Told>
  stderr: string
  code: number | null
}

async function block(args: string[], flags: string[] = []): Promise<Outcome> {
  const child = spawn(process.execPath, [...flags, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told & { name: string })
  return { told: new Map(lines.map((line) => [line.name, line])), stderr, code }
}

test('what blocks the loop is named with its line and its route', { timeout: 60_000 }, async () => {
  const source = (await readFile(program, 'utf8')).split('\n')
  const { told, stderr, code } = await block(['exit'])
  // No debugger is waited for, and nothing is printed.
  expect([code, stderr]).toEqual([7, ''])
  const own = Object.fromEntries(
    ['exec', 'pbkdf2', 'wait', 'regex', 'parse', 'clone', 'gzip'].map((name) => [name, name]),
  )
  const lines = { spin: 'spin', continuation: 'spin', short: 'spin', ...own }
  for (const [name, of] of Object.entries(lines)) {
    const stall = told.get(name)
    const here = 1 + source.findIndex((line) => line.includes(`// here: ${of}`))
    const at = stall?.frames.find(({ url }) => url.endsWith('blocks.mjs'))
    expect({ name, route: stall?.route, line: at?.line }).toEqual({ name, route: `GET /${name}`, line: here })
    expect(stall?.ms).toBeGreaterThan(50)
  }
  expect(told.get('nobody')?.unasked).toBe(0)
})
