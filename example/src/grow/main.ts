import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { usualOrders } from '../modules/history/model.js'

// Process entry: npm run grow -w example -- [--url U] [--orders 800000] [--back]
// Lets the order history of a running box office grow, as the button of its start page does, and says how far it is.

const lookEveryMs = 1_000
const answerWithinMs = 10_000

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: process.env['BOX_OFFICE_URL'] ?? 'http://127.0.0.1:3000' },
    orders: { type: 'string', default: String(usualOrders) },
    back: { type: 'boolean', default: false },
  },
})
const { url, orders } = z.object({ url: z.url(), orders: z.coerce.number().int() }).parse(values)

const answer = z.object({ state: z.string(), imported: z.number(), target: z.number() })
const problem = z.object({ detail: z.string(), fix: z.string() })

async function ask(method: 'GET' | 'PUT', body?: object) {
  const response = await fetch(new URL('/history', url), {
    method,
    signal: AbortSignal.timeout(answerWithinMs),
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const document: unknown = await response.json()
  if (response.ok) return answer.parse(document)
  const { detail, fix } = problem.parse(document)
  throw new Error(`${detail} ${fix}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  let now = await ask('PUT', { orders: values.back ? 0 : orders })
  while (now.state === 'importing' || now.state === 'resting') {
    print(`${now.state}  ${now.imported} of ${now.target} orders`)
    await delay(lookEveryMs)
    now = await ask('GET')
  }
  print(now.state === 'none' ? 'The history is empty again.' : `${now.state}  ${now.imported} orders`)
  if (now.state === 'done') print(`What was found: ${new URL('/_holdfast/findings', url).href}`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
