import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildAll } from '../../scripts/build.mjs'
import { watch } from '../../src/watch/index.js'
import { openTestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'
import { writeStory } from '../helpers/watch-series.js'
import { checkWidths, hasChromium, openBrowser, type TestBrowser } from './browser.js'
import { Service } from './dashboard-service.js'

describe.skipIf(!hasChromium)(`the page Latency in Chromium${hasChromium ? '' : ' (SKIPPED: none found)'}`, () => {
  let browser: TestBrowser
  beforeAll(async () => {
    await buildAll()
    browser = await openBrowser()
  }, 60_000)
  afterEach(async () => {
    await browser.closePages()
  })
  afterAll(async () => {
    await browser.close()
  })

  it('the page Latency shows routes, the statements of one, and fits', { timeout: 40_000 }, async () => {
    const box = await openTestDatabase()
    const watching = await watch(box.db, { logger: quietLogger, segment: () => 'pro' })
    const connected = new Service({ observed: box.db })
    try {
      await connected.start()
      const page = await browser.openPage(`${connected.url}latency`)
      await page.locator('.verdict-ok h1', { hasText: 'No request was seen' }).waitFor()
      expect(await page.title()).toBe('Latency · holdfast')
      for (const route of ['GET /things', `GET /${'a-long-segment/'.repeat(9)}:id`])
        await box.db.runRequest({ route }, async () => {
          for (let n = 0; n < 3; n++)
            await box.db.query(`select 'secret-7', ${'n, '.repeat(40)} n from generate_series(1, 5) n`)
        })
      await box.db.query('select max(oid) from pg_class')
      await watching.flush()
      await page.getByLabel('The last').selectOption('24h')
      await page.getByRole('button', { name: 'GET /things' }).click()
      const statements = page.getByRole('region', { name: 'Statements of GET /things' })
      await statements.getByText('from generate_series($2, $3) n').waitFor()
      await statements.getByText('3 times in a request, 3 at most').waitFor()
      expect(new URL(page.url()).search).toBe('?since=24h&route=GET+%2Fthings')
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await checkWidths(page)
      }
      await statements.getByRole('button', { name: 'Close' }).click()
      await statements.waitFor({ state: 'detached' })
      await page.getByRole('button', { name: 'Statements outside of requests' }).click()
      await page.getByText('select max(oid) from pg_class').waitFor()
      expect(await page.locator('body').textContent()).not.toContain('secret-')
      expect(browser.complaints).toEqual([])
    } finally {
      await connected.end()
      await watching.stop()
      await box.close()
    }
  })

  it('the button finds out why a route became slower', { timeout: 40_000 }, async () => {
    const box = await openTestDatabase()
    await writeStory(box.ownerUrl)
    const connected = new Service({ observed: box.db })
    try {
      await connected.start()
      const page = await browser.openPage(`${connected.url}latency?since=24h`)
      await page.locator('.verdict h1').waitFor()
      // A day ago there is nothing to compare with, so that the verdict is calm: it is asked about one route.
      await page.getByRole('button', { name: 'GET /trades' }).click()
      await page.getByRole('button', { name: 'Find out why' }).click()
      const report = page.getByRole('status', { name: 'Report' })
      await report.getByText('P95 of GET /trades went from 120 ms to 598 ms').waitFor()
      await report.getByText('plan: guilty.').waitFor()
      await report.getByText('cold starts: not it.').waitFor()
      await report.getByText('What changed').waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await checkWidths(page)
      }
      await page.getByRole('region', { name: 'Why' }).getByRole('button', { name: 'Close' }).click()
      await report.waitFor({ state: 'detached' })
      expect(browser.complaints).toEqual([])
    } finally {
      await connected.end()
      await box.close()
    }
  })
})
