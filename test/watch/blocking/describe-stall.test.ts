import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { describeStall, type Stall } from '../../../src/watch/blocking/describe-stall.js'

const frame = (name: string, url: string, line = 1) => ({ name, url, line, column: 1 })
const app = `file://${process.cwd()}/src-of-app`
const stall = (given: Partial<Stall> = {}): Stall => ({
  ms: 240,
  starvedMs: 1,
  collectedMs: 0,
  frames: [
    frame('handleError', 'node:fs', 3),
    frame('appendFileSync', 'node:fs', 2_400),
    frame('write', `${process.cwd()}/node_modules/audit/index.js`, 12),
    frame('audit', `${app}/audit.ts`, 41),
    frame('runInRequest', new URL('../../../src/core/run-request.ts', import.meta.url).href, 5),
    frame('', `${app}/server.ts`, 7),
  ],
  ...given,
})

test('a stall names the line, whose call led there, and what of Node’s it called', () => {
  expect(describeStall(stall())).toMatchObject({
    kind: 'blocked-loop',
    severity: 'act',
    subject: 'node_modules/audit/index.js:12',
    sentence:
      'The event loop stood still for 240 ms in appendFileSync: write (node_modules/audit/index.js:12), called by audit (src-of-app/audit.ts:41). Every request of the process waited.',
    fix: 'Call `appendFile` and await it.',
    evidence: {
      stack: ['write (node_modules/audit/index.js:12)', 'audit (src-of-app/audit.ts:41)', 'src-of-app/server.ts:7'],
    },
  })
})

test('code of the application itself is told alone, and a short one is no reason to act', () => {
  const own = stall({ ms: 90, frames: [frame('hash', fileURLToPath(`${app}/hash.cjs`), 3)] })
  expect(describeStall(own)).toMatchObject({
    severity: 'watch',
    subject: 'src-of-app/hash.cjs:3',
    sentence: expect.stringMatching(
      /^The event loop stood still for 90 ms: hash \(src-of-app\/hash\.cjs:3\)\. /,
    ) as string,
    fix: expect.stringContaining('another thread') as string,
  })
  expect(describeStall(stall({ frames: [] }))?.sentence).toContain('no line could be read')
})

test('a machine that ran something else is to blame, and no line', () => {
  const starved = describeStall(stall({ starvedMs: 200 }))
  expect(starved).toMatchObject({ kind: 'starved-machine', severity: 'watch', subject: '' })
  expect(JSON.stringify(starved)).not.toContain('audit')
  // A part of it only: the line did the rest.
  expect(describeStall(stall({ starvedMs: 130 }))).toMatchObject({ kind: 'blocked-loop', severity: 'watch' })
  // Many short things, or Node's own: nobody is blamed.
  expect(describeStall(stall({ ms: 90, frames: [] }))).toBeUndefined()
  // Where the system does not tell, the line is told.
  expect(describeStall(stall({ starvedMs: undefined }))?.kind).toBe('blocked-loop')
})

test('so it is with a collection of garbage', () => {
  const collected = describeStall(stall({ collectedMs: 220 }))
  expect(collected).toMatchObject({ kind: 'blocked-loop', severity: 'act', subject: '(garbage collection)' })
  expect(JSON.stringify(collected)).not.toContain('audit')
})
