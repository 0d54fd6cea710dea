import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildAll } from '../../scripts/build.mjs'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { fillBlocking } from '../helpers/blocking-data.js'
import { fillPlans, flipped } from '../helpers/plans-data.js'
import { checkWidths, hasChromium, openBrowser, type TestBrowser } from './browser.js'
import { Service } from './dashboard-service.js'

describe.skipIf(!hasChromium)(`the page Findings in Chromium${hasChromium ? '' : ' (SKIPPED: none found)'}`, () => {
  let browser: TestBrowser
  let box: TestDatabase
  let service: Service
  beforeAll(async () => {
    await buildAll()
    browser = await openBrowser()
    box = await openTestDatabase()
    service = new Service({ observed: box.db })
    await service.start()
  }, 60_000)
  afterEach(async () => {
    await browser.closePages()
  })
  afterAll(async () => {
    await service.end()
    await browser.close()
    await box.close()
  })

  it('says that nothing was found, and how findings come', async () => {
    const page = await browser.openPage(`${service.url}findings`)
    await page.getByText('Nothing was found in this time.').waitFor()
    expect(await page.title()).toBe('Findings · holdfast')
    expect(browser.complaints).toEqual([])
  })

  it('groups them, keeps the filter in the address, and leads to the query', { timeout: 60_000 }, async () => {
    await fillPlans(box.ownerUrl)
    const page = await browser.openPage(`${service.url}findings`)
    const urgent = page.getByRole('region', { name: 'Act now (1)' })
    await urgent.getByText('seen 21 times').waitFor()
    await page.getByRole('region', { name: 'Hints (2)' }).waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await checkWidths(page)
    }
    await page.getByLabel('Severity').selectOption('info')
    await urgent.waitFor({ state: 'detached' })
    await page.getByLabel('Kind').selectOption('plan-flip')
    expect(new URL(page.url()).search).toBe('?kind=plan-flip&severity=info')
    await page.getByText('None of this kind and severity.').waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.getByLabel('The last').selectOption('7d')
    await page.getByRole('region', { name: 'Hints (3)' }).waitFor()
    await urgent.getByRole('link', { name: 'its query and plans' }).click()
    await page.getByRole('heading', { name: 'The flip: before and after' }).waitFor()
    expect(new URL(page.url()).searchParams.get('statement')).toBe(flipped.id)
    expect(browser.complaints).toEqual([])
  })

  it('shows where it blocks, copies the place, and leads from Now', { timeout: 60_000 }, async () => {
    await fillBlocking(box.ownerUrl)
    const now = await browser.openPage(service.url)
    const waiting = now.getByRole('region', { name: 'Kept requests waiting in the last 5 minutes' })
    await waiting.getByText('src/auth/verify-password.ts:41', { exact: true }).waitFor()
    await now.getByRole('heading', { name: 'Loop busy' }).waitFor()
    await now.getByRole('heading', { name: 'libuv wait' }).waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await now.emulateMedia({ colorScheme })
      await checkWidths(now)
    }
    await waiting.getByRole('link', { name: 'synchronous call' }).click()
    await now.waitForURL(/findings\?kind=sync-call/)
    const item = now.locator('li.finding', { hasText: 'pbkdf2Sync' })
    await item.getByRole('button', { name: 'Copy the place' }).waitFor()
    await item.getByText('POST /customers/:id/a-route-with-a-long-name/password-resets').waitFor()
    const stack = item.getByText('login (src/auth/routes.ts:12)')
    expect(await stack.isVisible()).toBe(false)
    await item.getByText('Stack (2 lines)').click()
    expect(await stack.isVisible()).toBe(true)
    await checkWidths(now)
    expect(browser.complaints).toEqual([])
  })
})
