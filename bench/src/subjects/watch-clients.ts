import { Agent, get } from 'node:http'
import { EVENTS } from '../contests/watch/app.js'
import type { Subject } from '../harness/types.js'

/** Clients that keep their connections. */
const subject: Subject = {
  open: async (url, lanes) => {
    const agent = new Agent({ keepAlive: true, maxSockets: lanes })
    return await Promise.resolve({
      operations: { cpu: async () => await read(agent, `${url}/events/${1 + Math.floor(Math.random() * EVENTS)}`) },
      close: async () => await Promise.resolve(agent.destroy()),
    })
  },
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
