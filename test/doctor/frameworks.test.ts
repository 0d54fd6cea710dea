import { beforeAll, expect, test } from 'vitest'
import type { ScanReport } from '../../src/doctor/index.js'
import { scanFixture } from './expected.js'

let scanned: Awaited<ReturnType<typeof scanFixture>>
let report: ScanReport
beforeAll(async () => {
  scanned = await scanFixture('frameworks')
  report = scanned.report
})

test('synchronous calls are found behind routes, middleware and hooks of each framework, and no others', () => {
  expect(scanned.found).toEqual(scanned.expected)
})

const chainOf = (file: string, line?: number) => {
  const found = report.findings.find((each) => each.file.endsWith(file) && (line === undefined || each.line === line))
  return found?.chain.map(({ label, file: at, line: row }) => `${label} (${at.split('/').at(-1) ?? ''}:${row})`)
}

test('the way from the route to the place is told', () => {
  expect(chainOf('service.ts')).toEqual([
    'GET /v1/reports/:name (hono.ts:14)',
    'Reports.load (service.ts:11)',
    'Reports.read (service.ts:16)',
    "files.readFileSync(name, 'utf8') (service.ts:17)",
  ])
  expect(chainOf('mailer.ts')).toEqual([
    'GET /v1/reports/:name (hono.ts:14)',
    'Reports.load (service.ts:11)',
    'SendmailMailer.send (mailer.ts:8)',
    "execFileSync('sendmail', [to]) (mailer.ts:9)",
  ])
})

test('routes are named with the path that their router hangs under', () => {
  const routes = new Set(report.findings.flatMap((each) => each.routes))
  for (const route of [
    'GET /sub/inner',
    'POST /hash',
    'POST /api/users',
    'GET /docs/list',
    'GET /cats/:id',
    'every request',
  ])
    expect(routes).toContain(route)
})
