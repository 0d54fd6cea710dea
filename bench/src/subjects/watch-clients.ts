import { Agent, get } from 'node:http'
import { EVENTS } from '../contests/watch/app.js'
import type { Stretch, Subject } from '../harness/types.js'

const nothing = { operations: 0, seconds: 0, cpuUs: 0 }

/** Clients that keep their connections. */
const subject: Subject = {
  open: async (url, lanes) => {
    const agent = new Agent({ keepAlive: true, maxSockets: lanes })
    // Nobody who arrives waits for another one to be served.
    const crowd = new Agent({ keepAlive: true })
    let perSecond = 0
    const readOne = async (by: Agent) => await read(by, `${url}/events/${1 + Math.floor(Math.random() * EVENTS)}`)
    return await Promise.resolve({
      operations: { cpu: async () => await readOne(agent) },
      measures: {
        load: async (rate) => {
          perSecond = rate
          return await Promise.resolve(nothing)
        },
        arrive: async (ms) => await arrive(async () => await readOne(crowd), perSecond, ms),
      },
      close: async () => {
        crowd.destroy()
        await Promise.resolve(agent.destroy())
      },
    })
  },
}

/**
 * As many arrive in each millisecond as chance has it (Poisson), whether those before have been served or not. They are
 * due at the millisecond, and timed from there.
 */
async function arrive(work: () => Promise<void>, perSecond: number, ms: number): Promise<Stretch> {
  const samples: number[] = []
  const running: Promise<void>[] = []
  const started = performance.now()
  const time = async (dueAt: number) => {
    await work()
    samples.push(performance.now() - dueAt)
  }
  for (let tick = 1; tick <= ms;) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    for (; tick <= ms && performance.now() - started >= tick; tick++)
      for (let left = drawPoisson(perSecond / 1_000); left > 0; left--) running.push(time(started + tick))
  }
  await Promise.all(running)
  return { ...nothing, operations: samples.length, seconds: (performance.now() - started) / 1_000, samples }
}

/** Source: Knuth, The Art of Computer Programming, volume 2, 3.4.1. */
function drawPoisson(mean: number): number {
  const limit = Math.exp(-mean)
  let amount = 0
  for (let product = Math.random(); product > limit; product *= Math.random()) amount++
  return amount
}

async function read(agent: Agent, url: string): Promise<void> {
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = get(url, { agent }, (response) => {
      response.on('end', () => resolve(response.statusCode))
      response.on('error', reject)
      response.resume()
    })
    sent.on('error', reject)
  })
  if (status !== 200) throw new Error(`${url} answered ${status}.`)
}

export default subject
