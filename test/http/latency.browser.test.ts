import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildAll } from '../../scripts/build.mjs'
import type { ProfileDocument } from '../../src/http/contract.js'
import { watch } from '../../src/watch/index.js'
import { openTestDatabase } from '../helpers/database.js'
import { quietLogger } from '../helpers/jobs.js'
import { writeOutbound, writeSeries, writeStory, type SeriesSpec } from '../helpers/watch-series.js'
import { checkWidths, hasChromium, openBrowser, type TestBrowser } from './browser.js'
import { Service } from './dashboard-service.js'

const profiled: ProfileDocument = {
  route: 'GET /things',
  ms: 5_000,
  cpuMs: 812,
  functions: [
    { name: 'renderReport', place: 'src/reports/render.ts:41', selfMs: 640, totalMs: 790, share: 0.79 },
    { name: '(garbage collector)', place: '', selfMs: 40, totalMs: 40, share: 0.05 },
  ],
  routes: [{ route: 'GET /things', cpuMs: 812 }],
  cpuprofile: { nodes: [] },
}

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
      const profile = page.getByRole('region', { name: 'What GET /things computes' })
      await page.route('**/api/latency/profile*', async (route) => await route.fulfill({ json: profiled }))
      await profile.getByRole('button', { name: 'Profile it' }).click()
      await profile
        .getByRole('row', { name: /renderReport/ })
        .getByText('src/reports/render.ts:41')
        .waitFor()
      await checkWidths(page)
      const saved = page.waitForEvent('download')
      await profile.getByRole('button', { name: 'Save for developer tools' }).click()
      expect((await saved).suggestedFilename()).toBe('GET-things.cpuprofile')
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

  it('tells first requests and other services', { timeout: 40_000 }, async () => {
    const box = await openTestDatabase()
    await writeColdStory(box.ownerUrl)
    const connected = new Service({ observed: box.db })
    try {
      await connected.start()
      const page = await browser.openPage(`${connected.url}latency`)
      await page.locator('.verdict-watch h1', { hasText: 'among the first of a process' }).waitFor()
      const routes = page.getByRole('region', { name: 'Routes' })
      await routes.getByText(/at most 40 were first requests of a process\. 40 first requests took 800 ms/).waitFor()
      await routes.getByText(/event loop 4\d %/).waitFor()
      await page.getByRole('button', { name: 'GET /orders' }).click()
      const services = page.getByRole('region', { name: 'Services that GET /orders calls' })
      await services.getByRole('row', { name: 'pay.example in 25 % of its requests' }).waitFor()
      await page.keyboard.press('?')
      await page.getByText('First request of a process', { exact: true }).waitFor()
      await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await checkWidths(page)
      }
      await page.getByRole('button', { name: 'Statements outside of requests' }).click()
      await services.waitFor({ state: 'detached' })
      expect(browser.complaints).toEqual([])
    } finally {
      await connected.end()
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

/** Four processes of a route have just started, and it is as fast as it was but for their first requests. */
async function writeColdStory(ownerUrl: string): Promise<void> {
  const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000)
  const own = { minutes: 60, at: hour, route: 'GET /orders', calls: 400, typicalMs: 20, slowMs: 20 } as const
  const started = { ...own, calls: 10, typicalMs: 800, slowMs: 800, cold: 10, coldMs: 8_000, outboundMs: 2_000 }
  const specs: SeriesSpec[] = ['2', '3', '4', '5'].map((process) => ({ ...started, process, loopMs: 4_000 }))
  await writeSeries(ownerUrl, [...specs, own, { ...own, at: new Date(hour.getTime() - 86_400_000) }])
  await writeOutbound(ownerUrl, [
    { ...own, host: 'pay.example', calls: 110, totalMs: 7_000 },
    { ...own, host: `${'a-long-name.'.repeat(9)}example`, calls: 440, totalMs: 1_000 },
  ])
}
