import { access } from 'node:fs/promises'
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core'
import { expect } from 'vitest'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

export const hasChromium = await access(executablePath).then(
  () => true,
  () => false,
)
if (!hasChromium) {
  console.warn(
    `SKIPPED: no Chromium at ${executablePath}; install it or set CHROMIUM_PATH to test the dashboard in a browser.`,
  )
}

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface TestBrowser {
  /** What pages said to the console that a person would have to look at. Emptied by `closePages`. */
  readonly complaints: string[]
  openPage(address: string, options?: BrowserContextOptions): Promise<Page>
  closePages(): Promise<void>
  close(): Promise<void>
}

export async function openBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({ executablePath, args })
  const complaints: string[] = []
  return {
    complaints,
    openPage: async (address, options = {}) => {
      const context = await browser.newContext(options)
      const page = await context.newPage()
      page.setDefaultTimeout(8_000)
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      await page.goto(address)
      return page
    },
    closePages: async () => {
      await Promise.all(browser.contexts().map((context) => context.close()))
      complaints.length = 0
    },
    close: async () => await browser.close(),
  }
}

export const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

export async function checkWidths(page: Page): Promise<void> {
  for (const width of [320, 390, 768, 1280, 2560]) {
    await page.setViewportSize({ width, height: 800 })
    expect(await overflow(page), `at ${width} px`).toBe(0)
  }
}
