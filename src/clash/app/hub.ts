import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { makeRunning, type Running, type Side } from '../replay/side.js'
import { serializableMark, splitLines, type FromAgent, type ToAgent } from './protocol.js'

interface Flying {
  side: Side
  running: Running
  pid: number | undefined
}

/** Where the gates of an application in other processes ask for leave. */
export class Hub {
  readonly token = randomBytes(16).toString('hex')
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #sides = new Map<string, Side>()
  readonly #ports: number[] = []
  #sideCount = 0
  #agents = 0
  #onPort: (() => void) | undefined

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => this.#meet(socket))
  }

  static async open(): Promise<Hub> {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return new Hub(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Some process of the application has loaded the gate. */
  get hasAgent(): boolean {
    return this.#agents > 0
  }

  /** What a request of that side has in its header. */
  enter(side: Side): string {
    const id = String(++this.#sideCount)
    this.#sides.set(id, side)
    return side.fix?.isolation === 'serializable' ? `${id}${serializableMark}` : id
  }

  /** A port that the application listens on: the wanted one, else the first that it says. */
  findPort(wanted: number): number | undefined {
    return this.#ports.includes(wanted) ? wanted : this.#ports[0]
  }

  async nextPort(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.#onPort = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** The sides of a schedule that is over. What is left of them goes through. */
  forget(header: string): void {
    this.#sides.delete(header.replace(serializableMark, ''))
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #meet(socket: Socket): void {
    const flying = new Map<number, Flying>()
    let isKnown = false
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      // The process has ended in the middle of it.
      for (const { side, running } of flying.values()) side.leave(running, { code: '57P01' })
    })
    const take = (line: string) => {
      const message = JSON.parse(line) as FromAgent
      if (!isKnown) {
        isKnown = message.type === 'hello' && isSame(message.token, this.token)
        if (isKnown) this.#agents++
        else socket.destroy()
        return
      }
      this.#take(message, flying, (answer) => void socket.write(`${JSON.stringify(answer)}\n`))
    }
    socket.on(
      'data',
      splitLines((line) => {
        try {
          take(line)
        } catch {
          socket.destroy()
        }
      }),
    )
  }

  #take(message: FromAgent, flying: Map<number, Flying>, answer: (message: ToAgent) => void): void {
    if (message.type === 'listening') {
      this.#ports.push(message.port)
      this.#onPort?.()
    } else if (message.type === 'arrive') void this.#arrive(message, flying, answer)
    else if (message.type === 'pid') {
      const found = flying.get(message.statement)
      if (found) found.pid = message.pid
    } else if (message.type === 'leave') {
      const found = flying.get(message.statement)
      flying.delete(message.statement)
      found?.side.leave(found.running, message.code === undefined ? undefined : { code: message.code })
    }
  }

  async #arrive(
    { side: id, statement, text, holdsCommit }: Extract<FromAgent, { type: 'arrive' }>,
    flying: Map<number, Flying>,
    answer: (message: ToAgent) => void,
  ): Promise<void> {
    const side = this.#sides.get(id)
    if (side) {
      const flight: Flying = { side, running: makeRunning(text, () => undefined), pid: undefined }
      flying.set(statement, flight)
      try {
        flight.running = await side.arrive(text, { readPid: () => flight.pid, holdsCommit })
      } catch {
        flying.delete(statement)
        return answer({ type: 'refuse', statement })
      }
    }
    answer({ type: 'pass', statement })
  }
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [given, token].map((text) => Buffer.from(text)) as [Buffer, Buffer]
  return a.length === b.length && timingSafeEqual(a, b)
}
