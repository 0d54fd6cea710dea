import { locksError } from './errors.js'

const ANSWER_MS = 5_000

/** A client of ioredis or of node-redis (connected), as its package makes it. */
export type RedisClient = IoredisClient | NodeRedisClient

interface IoredisClient {
  call(command: string, ...args: string[]): Promise<unknown>
  duplicate(override: { autoResubscribe: boolean }): IoredisSubscriber
}

interface IoredisSubscriber {
  subscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'ready' | 'error', listener: () => void): unknown
  disconnect(): void
}

interface NodeRedisClient {
  sendCommand(args: string[]): Promise<unknown>
  duplicate(): NodeRedisSubscriber
}

interface NodeRedisSubscriber {
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  on(event: 'ready' | 'error', listener: () => void): unknown
  destroy(): void
}

/** What the back end needs of either. */
export interface RedisLink {
  /** @throws HF_LOCKS_REDIS, and what the server answers */
  send(args: string[], deadlineMs?: number): Promise<unknown>
  /** On a connection of its own. `onMissed`: it was lost and is there again. */
  subscribe(channel: string, onMessage: (message: string) => void, onMissed: () => void): Promise<() => void>
}

/** @throws HF_LOCKS_REDIS */
export function linkTo(client: RedisClient): RedisLink {
  // node-redis has no `call`; both have a `sendCommand`, of different arguments.
  const given = client as Partial<IoredisClient & NodeRedisClient> | undefined
  if (typeof given?.call === 'function') return linkToIoredis(client as IoredisClient)
  if (typeof given?.sendCommand === 'function') return linkToNodeRedis(client as NodeRedisClient)
  throw locksError('HF_LOCKS_REDIS', 'The client is neither of ioredis nor of node-redis.')
}

function linkToIoredis(client: IoredisClient): RedisLink {
  return {
    send: async ([command = '', ...args], deadlineMs) => await answer(client.call(command, ...args), deadlineMs),
    subscribe: async (channel, onMessage, onMissed) => {
      // Its own way to subscribe again rejects a promise that nobody has, when the connection ends meanwhile (ioredis 5, 6).
      const subscriber = client.duplicate({ autoResubscribe: false })
      const subscribe = async () => await answer(subscriber.subscribe(channel))
      subscriber.on('error', () => {})
      subscriber.on('message', (_, message) => onMessage(message))
      await subscribe().catch((error: unknown) => {
        subscriber.disconnect()
        throw error
      })
      subscriber.on('ready', () => void subscribe().then(onMissed, () => {}))
      return () => subscriber.disconnect()
    },
  }
}

function linkToNodeRedis(client: NodeRedisClient): RedisLink {
  return {
    send: async (args, deadlineMs) => await answer(client.sendCommand(args), deadlineMs),
    subscribe: async (channel, onMessage, onMissed) => {
      const subscriber = client.duplicate()
      subscriber.on('error', () => {})
      const subscribe = async () => {
        await subscriber.connect()
        await subscriber.subscribe(channel, onMessage)
      }
      await answer(subscribe()).catch((error: unknown) => {
        subscriber.destroy()
        throw error
      })
      subscriber.on('ready', onMissed)
      return () => subscriber.destroy()
    },
  }
}

/** Clients keep commands for as long as the server is away. What comes late is nobody's. */
async function answer<T>(sent: Promise<T>, deadlineMs = ANSWER_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(describeSilence(deadlineMs)), deadlineMs)
  })
  return await Promise.race([sent, late]).finally(() => clearTimeout(timer))
}

function describeSilence(deadlineMs: number) {
  return locksError('HF_LOCKS_REDIS', `Redis did not answer within ${deadlineMs} ms.`, { details: { deadlineMs } })
}
