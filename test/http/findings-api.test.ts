import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FindingsDocument } from '../../src/http/contract.js'
import { createHttp } from '../../src/http/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { fillPlans, flipped } from '../helpers/plans-data.js'

const origin = 'http://localhost'
const token = 'a-token-for-tests'
const headers = { authorization: `Bearer ${token}` }

let box: TestDatabase
let handler: ReturnType<typeof createHttp>
beforeAll(async () => {
  box = await openTestDatabase()
  handler = createHttp(box.db, { token })
})
afterAll(async () => {
  handler.close()
  await box.close()
})

const ask = async (path: string) =>
  await handler.fetch(new Request(`${origin}/_holdfast/api/findings${path}`, { headers }))
const read = async (path = '') => (await (await ask(path)).json()) as FindingsDocument

test('before anything was found all is well', async () => {
  expect(await read()).toMatchObject({ isConnected: true, verdict: { severity: 'ok' }, findings: [], isMore: false })
})

test('gives what was found, what somebody should do first at the top', async () => {
  await fillPlans(box.ownerUrl)
  const { verdict, findings } = await read()
  expect(verdict).toMatchObject({ severity: 'act', sentence: findings[0]?.sentence, fix: findings[0]?.fix })
  expect(findings.map(({ kind, severity }) => [kind, severity])).toEqual([
    ['plan-flip', 'act'],
    ['repeated-statement', 'watch'],
    ['unread-columns', 'info'],
    ['unused-index', 'info'],
  ])
  expect(findings[0]).toMatchObject({ statement: flipped.id, text: flipped.text, route: 'GET /trades', seen: 21 })
  expect(findings[0]?.lastSeenAt).toBeGreaterThan(findings[0]?.firstSeenAt ?? Infinity)
  // Not seen again within the window.
  expect((await read('?window=15m')).findings).toHaveLength(3)
  expect((await read('?window=7d')).findings).toHaveLength(5)
})

test('a parameter that makes no sense is refused', async () => {
  expect((await ask('?window=1y')).status).toBe(400)
})

test('without the tables it says so', async () => {
  const bare = await openTestDatabase({ migrated: false })
  const other = createHttp(bare.db, { token })
  const answer = await other.fetch(new Request(`${origin}/_holdfast/api/findings`, { headers }))
  expect(await answer.json()).toMatchObject({ isConnected: false, findings: [] })
  other.close()
  await bare.close()
})

test('a hundred thousand findings of other weeks cost nothing', async () => {
  await runAdmin(
    box.ownerUrl,
    `insert into holdfast.watch_findings
       (kind, statement, subject, severity, route, sentence, evidence, fix, prove, first_seen_at, last_seen_at)
     select 'plan-drift', n, '', 'act', '', 's', '{}', 'f', 'p', now() - interval '30 days', now() - interval '20 days'
       from generate_series(1, 100000) n`,
  )
  await runAdmin(box.ownerUrl, 'analyze holdfast.watch_findings')
  const startedAt = performance.now()
  expect((await read('?window=7d')).findings).toHaveLength(5)
  expect(performance.now() - startedAt).toBeLessThan(500)
})
