import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RedisAddress {
  port: number
  password: string
}

/** What a command is answered with here; arrays are not. */
type Reply = string | number | null

interface Waiting {
  resolve: (reply: Reply) => void
  reject: (error: Error) => void
}

const END = '\r\n'

/** Commands to a Redis, answered in their order. Enough for a lock: what holdfast depends on has no client of it. */
export class RedisLink {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #received = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    // What is said on `close` is said of errors too.
    socket.on('error', () => {})
    socket.on('close', () => this.#fail())
  }

  /** Rejects when nobody listens, or whoever does knows another password. */
  static async open({ port, password }: RedisAddress): Promise<RedisLink> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const link = new RedisLink(socket)
    try {
      await link.send('AUTH', password)
      return link
    } catch (error) {
      link.close()
      throw error
    }
  }

  async send(...words: (string | number)[]): Promise<Reply> {
    if (this.#socket.destroyed) throw new Error('The connection to Redis is closed.')
    const parts = words.map((word) => `$${Buffer.byteLength(`${word}`)}${END}${word}${END}`)
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#socket.write(`*${words.length}${END}${parts.join('')}`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #fail(): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('The connection to Redis is closed.'))
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    for (;;) {
      const read = readReply(this.#received)
      if (read === undefined) return
      this.#received = this.#received.subarray(read.length)
      const waiting = this.#waiting.shift()
      if (read.reply instanceof Error) waiting?.reject(read.reply)
      else waiting?.resolve(read.reply)
    }
  }
}

/** The first reply and how many bytes it has; undefined as long as it is not there as a whole. */
function readReply(received: Buffer): { reply: Reply | Error; length: number } | undefined {
  const end = received.indexOf(END)
  if (end < 0) return undefined
  const [kind, text, length] = [received.toString('latin1', 0, 1), received.toString('utf8', 1, end), end + END.length]
  if (kind === '+') return { reply: text, length }
  if (kind === ':') return { reply: Number(text), length }
  if (kind !== '$') return { reply: new Error(kind === '-' ? text : `A reply of the kind "${kind}".`), length }
  const size = Number(text)
  if (size < 0) return { reply: null, length }
  const whole = length + size + END.length
  return received.length < whole
    ? undefined
    : { reply: received.toString('utf8', length, length + size), length: whole }
}
