import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { readConfig } from './config.js'
import { derivePaymentsUrl, prepareDatabases } from './supervise/prepare.js'
import { Supervisor, type ChildFailure } from './supervise/supervisor.js'
import { closeServer, describePortTaken, isPortTaken, listen } from './utils/listen.js'

// Process entry, run by `holdfast dev`: the box office, payments, the seed and some traffic, each a process of its own.

const answerWithinMs = 10_000
const parentCheckMs = 500

const supervisor = new Supervisor((failure) => void stop(describeFailure(failure), failure.code === 2 ? 2 : 1))
let stopping: Promise<void> | undefined

process.on('SIGINT', () => void stop(undefined, 0))
process.on('SIGTERM', () => void stop(undefined, 0))
process.on('disconnect', () => void stop(undefined, 0))
watchParent()

try {
  await start()
} catch (error) {
  await stop(error instanceof Error ? error.message : String(error), isPortTaken(error) ? 2 : 1)
}

async function start(): Promise<void> {
  const { DATABASE_URL: databaseUrl, PORT: port, HOST: host, LOG_LEVEL: level } = readConfig()
  const quiet = { LOG_LEVEL: process.env['LOG_LEVEL'] === undefined ? 'warn' : level }
  const paymentsUrl = process.env['PAYMENTS_DATABASE_URL'] ?? derivePaymentsUrl(databaseUrl)
  // First of all: a taken port should not cost the seconds of the seed before it is noticed.
  await requireFreePort(port, host)
  await prepareDatabases(databaseUrl, paymentsUrl)
  if (stopping) return

  const paymentsPort = await supervisor.startServer({
    name: 'payments',
    module: new URL('./payments/server.js', import.meta.url),
    env: { ...quiet, PAYMENTS_DATABASE_URL: paymentsUrl, PAYMENTS_PORT: '0' },
  })
  if (stopping) return
  const boxPort = await supervisor.startServer({
    name: 'box office',
    module: new URL('./server.js', import.meta.url),
    env: { ...quiet, DATABASE_URL: databaseUrl, PORT: String(port), PAYMENTS_URL: `http://127.0.0.1:${paymentsPort}` },
  })
  const url = `http://localhost:${boxPort}`
  await waitForAnswer(`${url}/health`)
  await waitForAnswer(`${url}/_holdfast/`)
  if (stopping) return
  process.stdout.write(`  ➜ box office  ${url}\n  ➜ dashboard   ${url}/_holdfast/\n`)

  supervisor.start({
    name: 'traffic',
    module: new URL('./traffic/main.js', import.meta.url),
    env: { ...quiet, BOX_OFFICE_URL: url },
  })
  supervisor.start({
    name: 'seed',
    module: new URL('./seed/main.js', import.meta.url),
    env: { LOG_LEVEL: level, DATABASE_URL: databaseUrl },
    mayEnd: true,
  })
}

/** Ends all children and then this process, once: the first reason wins. */
function stop(reason: string | undefined, exitCode: number): Promise<void> {
  stopping ??= (async () => {
    if (reason !== undefined) process.stderr.write(`${reason}\n`)
    await supervisor.stop()
    process.exit(exitCode)
  })()
  return stopping
}

function describeFailure({ name, code, signal }: ChildFailure): string {
  return `The ${name} process ended unexpectedly with ${signal === null ? `exit code ${code}` : `signal ${signal}`}.`
}

/** A parent that was killed cannot tell us; left alone, we would hold the port and the database for ever. */
function watchParent(): void {
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && void stop(undefined, 0), parentCheckMs).unref()
}

async function requireFreePort(port: number, host: string): Promise<void> {
  const probe = createServer()
  try {
    await listen(probe, port, host)
  } catch (error) {
    if (isPortTaken(error)) await stop(describePortTaken(port), 2)
    throw error
  }
  await closeServer(probe)
}

/** The lines that say "open this" must be true when they appear. */
async function waitForAnswer(url: string): Promise<void> {
  const giveUpAt = performance.now() + answerWithinMs
  let last = 'no answer'
  while (performance.now() < giveUpAt) {
    if (stopping) return
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined)
    await response?.body?.cancel()
    if (response && response.status < 500) return
    if (response) last = `status ${response.status}`
    await delay(50)
  }
  throw new Error(`${url} did not answer within ${answerWithinMs} ms (last: ${last}).`)
}
