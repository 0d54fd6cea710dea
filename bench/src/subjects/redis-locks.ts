import { createLockWork } from '../contests/locks/lock-work.js'
import { LEASE_MS, redisSemaphore } from '../contests/locks/settings.js'
import { loadPeer } from '../harness/load-peer.js'
import type { Subject } from '../harness/types.js'

interface Client {
  ping: () => Promise<unknown>
  quit: () => Promise<unknown>
}

type Ioredis = new (url: string) => Client

type Redlock = new (
  clients: readonly Client[],
  options: object,
) => { lock: (key: string, ttlMs: number) => Promise<{ unlock: () => Promise<void> }> }

type Mutex = new (
  client: Client,
  key: string,
  options: object,
) => { acquire: () => Promise<void>; release: () => Promise<void> }

export function createRedlock(options: object): Subject {
  return {
    open: async (url) => {
      const client = await openClient(url)
      const { default: Redlock } = await loadPeer<{ default: Redlock }>('redlock')
      const redlock = new Redlock([client], options)
      return createLockWork({
        acquire: async (key) => {
          const lock = await redlock.lock(key, LEASE_MS)
          return async () => await lock.unlock()
        },
        close: async () => void (await client.quit()),
      })
    },
  }
}

export const mutex: Subject = {
  open: async (url) => {
    const client = await openClient(url)
    const { Mutex } = await loadPeer<{ Mutex: Mutex }>('redis-semaphore')
    return createLockWork({
      acquire: async (key) => {
        const each = new Mutex(client, key, redisSemaphore)
        await each.acquire()
        return async () => await each.release()
      },
      close: async () => void (await client.quit()),
    })
  },
}

async function openClient(url: string): Promise<Client> {
  const { Redis } = await loadPeer<{ Redis: Ioredis }>('ioredis')
  const client = new Redis(url)
  await client.ping()
  return client
}
