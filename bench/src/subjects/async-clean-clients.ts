import { Agent, request } from 'node:http'
import { createRandom } from 'holdfast/prove'
import { EVENTS } from '../contests/watch/app.js'
import type { Subject } from '../harness/types.js'

interface Ask {
  path: string
  body?: string
  /** Goes away after so long. @unit ms */
  leaveMs?: number
}

type Kind = [share: number, make: (random: () => number) => Ask]

const SEATS = 60
const pick = (random: () => number, most: number): number => 1 + Math.floor(random() * most)

const kinds: readonly Kind[] = [
  [0.45, (random) => ({ path: `/events/${pick(random, EVENTS)}` })],
  [0.2, (random) => ({ path: `/venues/${pick(random, 19)}` })],
  [0.08, (random) => ({ path: '/orders', body: JSON.stringify({ seats: makeSeats(random) }) })],
  [0.07, () => ({ path: '/page' })],
  [0.1, () => ({ path: '/later' })],
  [0.04, () => ({ path: '/rates' })],
  [0.05, () => ({ path: '/report' })],
  [0.01, (random) => ({ path: '/later', leaveMs: 1 + random() * 4 })],
]

function makeSeats(random: () => number): { event: number; seat: number }[] {
  return Array.from({ length: SEATS }, () => ({ event: pick(random, EVENTS), seat: pick(random, 20) }))
}

/** `clean`: so many requests, as fast as they are answered. */
const subject: Subject = {
  open: async (url, lanes) => {
    const agent = new Agent({ keepAlive: true, maxSockets: lanes })
    const random = createRandom(3)
    const clean = async (amount: number) => {
      const began = performance.now()
      let left = amount
      const runLane = async () => {
        while (left-- > 0) await send(agent, url, choose(random))
      }
      await Promise.all(Array.from({ length: lanes }, runLane))
      return { operations: amount, seconds: (performance.now() - began) / 1_000, cpuUs: 0 }
    }
    return await Promise.resolve({
      operations: {},
      measures: { clean },
      close: async () => await Promise.resolve(agent.destroy()),
    })
  },
}

function choose(random: () => number): Ask {
  let rest = random()
  for (const [share, make] of kinds) {
    rest -= share
    if (rest < 0) return make(random)
  }
  return (kinds[0] as Kind)[1](random)
}

async function send(agent: Agent, url: string, { path, body, leaveMs }: Ask): Promise<void> {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request(
      `${url}${path}`,
      { agent, headers, method: body === undefined ? 'GET' : 'POST' },
      (response) => {
        response.on('end', () => resolve(response.statusCode))
        response.on('error', (error) => (leaveMs === undefined ? reject(error) : resolve(200)))
        response.resume()
      },
    )
    sent.on('error', (error) => (leaveMs === undefined ? reject(error) : resolve(200)))
    if (leaveMs !== undefined) setTimeout(() => sent.destroy(), leaveMs)
    sent.end(body)
  })
  if (status !== 200 && status !== 201) throw new Error(`${path} answered ${status}.`)
}

export default subject
