import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { wait } from './invariants.js'

const START_MS = 5_000

export interface RedisServer {
  port: number
  /** As after a power cut of a server that keeps nothing. */
  loseAll(): Promise<void>
  /** Silent for so long, and then it goes on. */
  freeze(ms: number): Promise<void>
  close(): Promise<void>
}

/** Where the program is; undefined on a machine that lacks it. */
export async function findRedis(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter((each) => each !== '')) {
    const file = join(folder, 'redis-server')
    const isThere = await access(file).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

/** A real Redis of its own on loopback, that keeps nothing on the disk. */
export async function startRedis(): Promise<RedisServer> {
  const file = (await findRedis()) as string
  const port = await findFreePort()
  let server = await start(file, port)
  return {
    port,
    loseAll: async () => {
      await end(server)
      server = await start(file, port)
    },
    freeze: async (ms) => {
      server.kill('SIGSTOP')
      await wait(ms)
      server.kill('SIGCONT')
    },
    close: async () => await end(server),
  }
}

async function start(file: string, port: number): Promise<ChildProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = spawn(file, args, { stdio: 'ignore' })
  const endsAt = performance.now() + START_MS
  while (!(await answers(port))) {
    if (performance.now() > endsAt) throw new Error(`redis-server did not start within ${START_MS} ms.`)
    await wait(20)
  }
  return server
}

async function answers(port: number): Promise<boolean> {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  const isThere = await client.ping().then(
    () => true,
    () => false,
  )
  client.disconnect()
  return isThere
}

async function end(server: ChildProcess): Promise<void> {
  const ended = once(server, 'exit')
  server.kill('SIGKILL')
  await ended
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
