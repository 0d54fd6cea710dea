// A process of the experiment overload: a page that computes for some milliseconds, behind what the side does about more
// requests than it can answer. `port` is answered with where it listens.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createAdmission } from '../../overload/index.js'
import { joinExperiment } from '../link.js'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const PAGE_MS = 5
const block = Buffer.alloc(16 * 1_024, 'page')
/** As one sets it who has no better idea. */
const MOST_AT_ONCE = 50
const MOST_DELAY_MS = 100
const SAMPLE_MS = 1_000

const { options, link } = await joinExperiment<{ side: string }>((): number => readPort())
const rounds = calibrate()

/** The best of many, as another process may have the processor. */
function calibrate(): number {
  const tried = 100
  let bestMs = Infinity
  for (let n = 0; n < 30; n++) {
    const began = performance.now()
    render(tried)
    bestMs = Math.min(bestMs, performance.now() - began)
  }
  return Math.ceil((tried * PAGE_MS) / bestMs)
}

function render(rounds: number): string {
  const hash = createHash('sha256')
  for (let n = 0; n < rounds; n++) hash.update(block)
  return hash.digest('hex')
}

const page: Handler = (_request, response) => void response.end(render(rounds))

function refuse(response: ServerResponse): void {
  response.writeHead(503, { 'retry-after': '1' })
  response.end()
}

/** Counts what is under way. */
function limitConcurrency(handler: Handler): Handler {
  let underWay = 0
  return (request, response) => {
    if (underWay >= MOST_AT_ONCE) return refuse(response)
    underWay++
    response.once('close', () => underWay--)
    handler(request, response)
  }
}

/** Refuses everybody while the loop was late at the last look, as under-pressure does. */
function limitDelay(handler: Handler): Handler {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let isLate = false
  setInterval(() => {
    isLate = delay.mean / 1e6 - 10 > MOST_DELAY_MS
    delay.reset()
  }, SAMPLE_MS)
  return (request, response) => {
    if (isLate) refuse(response)
    else handler(request, response)
  }
}

const handlers: Record<string, () => Handler> = {
  'limit of 50 at once': () => limitConcurrency(page),
  'limit of the loop’s delay': () => limitDelay(page),
  protected: () => createAdmission().node(page),
}
const server: Server = createServer(handlers[options.side]?.() ?? page)
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
await link.call('serving')

function readPort(): number {
  return (server.address() as AddressInfo).port
}
