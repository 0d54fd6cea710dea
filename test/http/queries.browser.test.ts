import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildAll } from '../../scripts/build.mjs'
import type { AdviceDocument } from '../../src/http/contract.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../helpers/database.js'
import { fillPlans, flipped } from '../helpers/plans-data.js'
import { checkWidths, hasChromium, openBrowser, type TestBrowser } from './browser.js'
import { Service } from './dashboard-service.js'

const advice: AdviceDocument = {
  advice: [
    {
      ddl: 'create index concurrently trades_user_id_created_at on public.trades (user_id, created_at desc)',
      table: 'public.trades',
      columns: ['user_id', 'created_at'],
      kind: 'btree',
      proof: { by: 'sample', costBefore: 124_747, costAfter: 58, msBefore: 540, msAfter: 2.3, sampledShare: 0.05 },
      sizeBytes: 66_000_000,
      writeCost: 'one more entry for each insert',
      makesRedundant: ['trades_user_id'],
    },
  ],
  refused: ['An index on side alone would not be used.'],
}

describe.skipIf(!hasChromium)(`the page Queries in Chromium${hasChromium ? '' : ' (SKIPPED: none found)'}`, () => {
  let browser: TestBrowser
  let box: TestDatabase
  let service: Service
  beforeAll(async () => {
    await buildAll()
    browser = await openBrowser()
    box = await openTestDatabase()
  }, 60_000)
  beforeEach(async () => {
    service = new Service({ observed: box.db })
    await service.start()
  })
  afterEach(async () => {
    await browser.closePages()
    await service.end()
  })
  afterAll(async () => {
    await browser.close()
    await box.close()
  })

  it('says what to do before anything was seen, and forgives an address that names nothing', async () => {
    const page = await browser.openPage(`${service.url}queries?statement=42`)
    await page.getByRole('heading', { level: 1, name: 'No statement was seen in this time.' }).waitFor()
    expect(await page.title()).toBe('Queries · holdfast')
    await page.getByText('Nobody has seen this statement').waitFor()
    expect(browser.complaints).toEqual([])
  })

  it('shows the flip: lanes, two trees, reasons, and fits', { timeout: 60_000 }, async () => {
    await fillPlans(box.ownerUrl)
    // Text of the database is text.
    const evil = '<img src=x onerror=alert(1)>'
    await runAdmin(box.ownerUrl, `update holdfast.watch_deploys set label = $1`, [evil])
    const page = await browser.openPage(`${service.url}queries`)
    await page.getByRole('button', { name: flipped.text.slice(0, 40) }).press('Enter')
    const opened = page.getByRole('region', { name: 'Query', exact: true })
    await opened.getByRole('heading', { name: 'The flip: before and after' }).waitFor()
    expect(new URL(page.url()).search).toBe(`?statement=${flipped.id}`)
    expect(await opened.getByLabel('Statement', { exact: true }).textContent()).toContain(
      'where t.user_id = $1\n  and t.side in ($2, $3)\norder by',
    )
    expect(await opened.locator('.flip-mark').textContent()).toBe('Flip A → B')
    expect(await opened.locator('.lane').count()).toBe(2)
    const [before, after] = [opened.getByLabel('Before: plan A'), opened.getByLabel('After: plan B')]
    await before.getByText('now: all of public.trades').waitFor()
    await after.getByText('was: public.trades by trades_user_id').waitFor()
    expect(await before.locator('.difference').count()).toBe(1)
    await opened.getByText('public.trades grew from 528 MB to 924 MB.', { exact: true }).waitFor()
    await opened.getByText('size 528 MB → 924 MB').waitFor()
    await opened.getByText(evil).first().waitFor()
    await opened.getByRole('button', { name: 'show as table' }).click()
    await opened.getByRole('columnheader', { name: '60 s from' }).waitFor()
    expect(await opened.getByRole('cell', { name: 'B', exact: true }).count()).toBeGreaterThan(20)
    await opened.getByRole('button', { name: 'show as plot' }).click()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await checkWidths(page)
    }
    await opened.getByRole('button', { name: 'Close' }).click()
    await opened.waitFor({ state: 'detached' })
    expect(browser.complaints).toEqual([])
  })

  it('looks for an index: what was proven, and why not', { timeout: 40_000 }, async () => {
    const page = await browser.openPage(`${service.url}queries?statement=${flipped.id}`)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    const look = page.getByRole('button', { name: 'Look for an index' })
    await look.click()
    await page.getByText('Nothing that it asks for is what an index finds.').waitFor()
    await page.route('**/api/queries/advice*', async (route) => {
      expect(await route.request().headerValue('x-holdfast-action')).toBe('1')
      await route.fulfill({ json: advice })
    })
    await page.reload()
    await look.click()
    await page.getByText('540 ms → 2.3 ms').waitFor()
    await page.getByText('a copy of 5.0 % of the rows').waitFor()
    await page.getByText('An index on side alone would not be used.').waitFor()
    await page.getByRole('button', { name: 'Copy the index' }).click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(advice.advice[0]?.ddl)
    await checkWidths(page)
    expect(browser.complaints).toEqual([])
  })
})
