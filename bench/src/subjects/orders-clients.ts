import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { EVENTS } from '../contests/holds/order-tables.js'
import type { Subject } from '../harness/types.js'

/** Clients that keep their connections. They send a key to either address: the requests are the same. */
const subject: Subject = {
  open: async (url, lanes) => {
    const agent = new Agent({ keepAlive: true, maxSockets: lanes })
    return await Promise.resolve({
      operations: {
        handled: async () => await postOrder(agent, `${url}/orders`),
        bare: async () => await postOrder(agent, `${url}/bare-orders`),
      },
      close: async () => await Promise.resolve(agent.destroy()),
    })
  },
}

async function postOrder(agent: Agent, url: string): Promise<void> {
  const body = JSON.stringify({ eventId: String(1 + Math.floor(Math.random() * EVENTS)), quantity: 2 })
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'idempotency-key': randomUUID(),
  }
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(url, { agent, method: 'POST', headers }, (response) => {
      response.on('end', () => resolve(response.statusCode))
      response.on('error', reject)
      response.resume()
    })
    sent.on('error', reject)
    sent.end(body)
  })
  if (status !== 201) throw new Error(`${url} answered ${status}.`)
}

export default subject
