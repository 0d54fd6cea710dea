// Stands between clients and a server and gives answers later. Its own process: it serves all at once, and what it costs
// must be nobody's. Clients' bytes pass at once, as one delay of a whole millisecond is what a timer can do; two of half
// a millisecond would be two of a whole one.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { ProxyOrder } from './slow-network.js'

const { host, port, rttMs } = JSON.parse(process.argv[2] as string) as ProxyOrder

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host, port, noDelay: true })
  const answers = createDelay(client)
  client.on('data', (chunk) => upstream.write(chunk))
  upstream.on('data', (chunk) => answers.push(chunk))
  client.on('error', () => upstream.destroy())
  client.on('close', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
  // What is on its way arrives.
  upstream.on('close', () => answers.end())
})

/** One timer at a time for a connection, and everything that is due goes in one write. */
function createDelay(to: Socket): { push(chunk: Buffer): void; end(): void } {
  const waiting: { dueAt: number; chunk: Buffer | undefined }[] = []
  let isTicking = false
  const tick = () => {
    const now = performance.now()
    const due = waiting.findIndex(({ dueAt }) => dueAt > now)
    const chunks = waiting.splice(0, due < 0 ? waiting.length : due).map(({ chunk }) => chunk)
    const bytes = chunks.filter((chunk) => chunk !== undefined)
    if (bytes.length > 0 && !to.destroyed) to.write(bytes.length === 1 ? (bytes[0] as Buffer) : Buffer.concat(bytes))
    if (bytes.length < chunks.length) to.destroySoon()
    const [next] = waiting
    isTicking = next !== undefined
    if (next) setTimeout(tick, next.dueAt - now)
  }
  const add = (chunk: Buffer | undefined) => {
    waiting.push({ dueAt: performance.now() + rttMs, chunk })
    if (isTicking) return
    isTicking = true
    setTimeout(tick, rttMs)
  }
  return { push: (chunk) => add(chunk), end: () => add(undefined) }
}

let cpu = process.cpuUsage()
process.on('message', () => {
  const { user, system } = process.cpuUsage(cpu)
  cpu = process.cpuUsage()
  process.send?.(user + system)
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
