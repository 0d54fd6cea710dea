import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditView } from '../../example/src/modules/audit/model.js'
import { watch, type Watch } from '../../src/watch/index.js'
import { quietLogger } from '../helpers/jobs.js'
import { useBoxOffice, type BoxOfficeUnderTest } from './box-office.js'

let box: BoxOfficeUnderTest
useBoxOffice((_, opened) => (box = opened))
let watching: Watch
beforeAll(async () => {
  watching = await watch(box.db, { logger: quietLogger, shapes: false, plans: false })
})
afterAll(async () => await watching?.stop())

async function ask(method: 'GET' | 'PUT', body?: object): Promise<AuditView> {
  const reply = await box.call(method, '/audit', body)
  return reply.body as unknown as AuditView
}

const listFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('box-office-audit-'))

async function browse(): Promise<void> {
  for (let n = 0; n < 30; n++) expect((await box.call('GET', n % 3 === 0 ? '/health' : '/events')).status).toBe(200)
  await watching.flush()
}

test('the dial is off at first; on, its line and its routes are named; off, its file is gone', async () => {
  const before = await listFolders()
  expect(await ask('GET')).toEqual({ isOn: false, found: null })
  await browse()
  expect((await watching.inspect.findings()).findings.filter(({ kind }) => kind === 'sync-call')).toEqual([])

  expect((await box.call('PUT', '/audit', { isOn: 'yes' })).status).toBe(422)
  expect(await ask('PUT', { isOn: true })).toEqual({ isOn: true, found: null })
  await browse()
  const { found } = await ask('GET')
  expect(found?.place).toMatch(/^example\/src\/modules\/audit\/audit-log\.ts:\d+$/)
  expect(found?.routes).toEqual(expect.arrayContaining(['GET /events', 'GET /health']))
  expect(found?.sentence).toContain('fs.appendFileSync')
  const page = await (await fetch(new URL('/', box.url))).text()
  expect(page).toContain('audit-log.ts')

  expect(await ask('PUT', { isOn: false })).toEqual({ isOn: false, found: null })
  expect(await listFolders()).toEqual(before)
})
