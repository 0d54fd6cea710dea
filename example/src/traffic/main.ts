import { parseArgs } from 'node:util'
import { z } from 'zod'
import { createRandom } from '../utils/random.js'
import { isSupervised, onShutdown } from '../utils/lifecycle.js'
import { createLogger } from '../utils/logger.js'
import { Crowd } from './actions.js'
import { createTrafficClient } from './client.js'
import { generateTraffic } from './generator.js'
import { Recorder, type Summary } from './recorder.js'
import { planArrivals } from './schedule.js'

// Process entry: node example/dist/traffic/main.js [--url U] [--rate 30] [--seconds 0] [--seed 1] [--json]

const requestTimeoutMs = 10_000
const reportEveryMs = 10_000

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: process.env['BOX_OFFICE_URL'] ?? 'http://127.0.0.1:3000' },
    rate: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const options = z
  .object({
    url: z.url(),
    rate: z.coerce.number().positive().max(10_000),
    seconds: z.coerce.number().min(0),
    seed: z.coerce.number().int(),
    json: z.boolean(),
  })
  .parse(values)

const logger = createLogger({ name: 'traffic', level: process.env['LOG_LEVEL'] ?? (options.json ? 'silent' : 'info') })
const client = createTrafficClient(options.url, requestTimeoutMs)
const crowd = new Crowd(client)
const recorder = new Recorder()
const ending = new AbortController()
const work = run()

onShutdown(logger, async () => {
  ending.abort()
  // Open requests end at once; the summary of what was done is still printed.
  client.close()
  await work
})

await work

async function run(): Promise<void> {
  await crowd.prepare(20)
  const report = options.seconds === 0 ? setInterval(() => logSummary(recorder.take()), reportEveryMs) : undefined
  const random = createRandom(options.seed)
  await generateTraffic({
    arrivals: planArrivals({ perSecond: options.rate, seconds: options.seconds, random }),
    act: (arrival) => crowd.act(arrival),
    recorder,
    signal: ending.signal,
  })
  clearInterval(report)
  client.close()
  printSummary(recorder.take())
}

function logSummary({ offered, dropped, refused, failed, latencyMs }: Summary): void {
  // A line that says all is well is not worth reading every ten seconds under `npm start`.
  const level = failed + dropped > 0 ? 'warn' : isSupervised() ? 'debug' : 'info'
  logger[level]({ offered, dropped, refused, failed, p50: latencyMs.p50, p99: latencyMs.p99 }, 'traffic')
}

function printSummary(summary: Summary): void {
  if (isSupervised()) return
  const { rate, seconds, seed } = options
  if (options.json) process.stdout.write(`${JSON.stringify({ rate, seconds, seed, ...summary })}\n`)
  else logSummary(summary)
}
