import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildAll } from '../../scripts/build.mjs'
import { writeReplay } from '../../src/watch/index.js'
import { fillClashes, replay } from '../helpers/clash-data.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { checkWidths, hasChromium, openBrowser, type TestBrowser } from './browser.js'
import { Service } from './dashboard-service.js'

describe.skipIf(!hasChromium)(`the page Clash in Chromium${hasChromium ? '' : ' (SKIPPED: none found)'}`, () => {
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

  it('says that nothing was found yet, and how pairs are found', async () => {
    const page = await browser.openPage(`${service.url}clash?clash=aa000001`)
    await page.getByRole('heading', { name: 'Nothing found yet' }).waitFor()
    await page.getByRole('main').getByText('half a second in ten').waitFor()
    await page.getByText('Nobody has seen this pair').waitFor()
    expect(await page.title()).toBe('Clash · holdfast')
    await checkWidths(page)
    // The answer 404 is one that the browser tells of.
    expect(browser.complaints.filter((each) => !each.includes('404'))).toEqual([])
  })

  it(
    'ranks pairs, opens one with all that is known of it, and folds those that are kept apart',
    { timeout: 60_000 },
    async () => {
      await fillClashes(box.db)
      await writeReplay(box.db, 'aa000001', replay)
      const page = await browser.openPage(`${service.url}clash`)
      const list = page.getByRole('region', { name: 'Can collide (3)' })
      expect(await list.getByRole('rowheader').first().innerText()).toContain('lost update in shows (taken)')
      await list.getByRole('button', { name: 'lost update in shows (taken)' }).click()
      expect(new URL(page.url()).search).toBe('?clash=aa000001')

      const one = page.getByRole('region', { name: 'lost update: shows' })
      await one.getByText('src/orders/place-order.ts:41', { exact: true }).waitFor()
      await one.getByText('read and write are not in one transaction').waitFor()
      await one.getByText('The first read at 0; the second read 12 ms later').waitFor()
      expect(await one.getByLabel('The schedule that fails').innerText()).toBe(replay.diagram)
      await one.getByText('This fix held').waitFor()
      await one.getByText('holdfast clash replay aa000001 --app "<command>"').waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await checkWidths(page)
      }

      const kept = page.getByRole('button', { name: 'check then update in wallets (balance)' })
      expect(await kept.isVisible()).toBe(false)
      await page.getByText('Kept apart (2)').click()
      await kept.click()
      await page.getByRole('heading', { name: 'What keeps them apart' }).waitFor()
      await page.reload()
      await page.getByRole('region', { name: 'check then update: wallets' }).waitFor()
      expect(await kept.isVisible()).toBe(true)
      await checkWidths(page)
      expect(browser.complaints).toEqual([])
    },
  )

  it('says that no answer came, and shows the list as soon as one does', async () => {
    const page = await browser.openPage('about:blank')
    let isDown = true
    await page.route('**/api/clashes*', async (route) => {
      await (isDown ? route.fulfill({ status: 500, body: '' }) : route.continue())
    })
    await page.clock.install()
    await page.goto(`${service.url}clash`)
    await page.getByRole('alert').getByText('did not tell what collides').waitFor()
    isDown = false
    await page.clock.fastForward(11_000)
    await page.getByRole('region', { name: 'Can collide (3)' }).waitFor()
  })
})
