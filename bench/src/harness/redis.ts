import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Redis {
  url: string
  version: string
  stop: () => Promise<void>
}

/** A Redis of its own with an append-only file, as a queue that must not lose its jobs needs; undefined without a redis-server. */
export async function startRedis(): Promise<Redis | undefined> {
  const version = await readVersion()
  if (version === undefined) return undefined
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-bench-redis-'))
  const port = await findFreePort()
  const settings = { port, bind: '127.0.0.1', dir, appendonly: 'yes', appendfsync: 'everysec', save: '' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn('redis-server', args, { stdio: 'ignore' })
  await waitForPort(server, port)
  return {
    url: `redis://127.0.0.1:${port}`,
    version,
    stop: async () => {
      const ended = once(server, 'exit')
      server.kill()
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function readVersion(): Promise<string | undefined> {
  const child = spawn('redis-server', ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return await new Promise((resolve) => {
    child.on('error', () => resolve(undefined))
    child.on('close', () => resolve(/v=(\S+)/.exec(output)?.[1] ?? 'unknown'))
  })
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

async function waitForPort(server: ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}.`)
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await sleep(50)
  }
  server.kill()
  throw new Error('redis-server did not start within 5 s.')
}
