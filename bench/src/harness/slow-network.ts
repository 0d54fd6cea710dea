import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface SlowNetwork {
  /** The same URL through it. */
  through(url: string): string
  /** User and system time of its process since the last look: it must not be what everybody waits for. @unit µs */
  readCpu(): Promise<number>
  close(): Promise<void>
}

/** What proxy-process.ts is told, and what it tells. */
export interface ProxyOrder {
  host: string
  port: number
  rttMs: number
}

/** A TCP proxy in a process of its own in front of one server: every answer comes so much later. */
export async function startSlowNetwork(url: string, rttMs: number): Promise<SlowNetwork> {
  const { hostname: host, port } = new URL(url)
  const order: ProxyOrder = { host, port: Number(port), rttMs }
  const child = fork(fileURLToPath(new URL('./proxy-process.js', import.meta.url)), [JSON.stringify(order)])
  const [listening] = (await once(child, 'message')) as [number]
  return {
    through: (direct) => {
      const copy = new URL(direct)
      copy.hostname = '127.0.0.1'
      copy.port = String(listening)
      return copy.href
    },
    readCpu: async () => {
      child.send('cpu')
      const [cpuUs] = (await once(child, 'message')) as [number]
      return cpuUs
    },
    close: async () => {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
