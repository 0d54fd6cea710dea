import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { clashError } from '../errors.js'
import { makeRunning, type Running, type Side } from '../replay/side.js'
import type { GateFix } from '../fix/types.js'
import { readMark, splitLines, writeMark, type FromAgent, type ToAgent } from './protocol.js'

/** An application loads the parser for it. @unit ms */
const FIX_MS = 10_000

type Proposal = NonNullable<GateFix['proposal']>

interface SpreadFix {
  number: number
  ready: number
  isRefused: boolean
  /** Both sides of a schedule may wait for it. */
  waiting: Set<() => void>
}

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
  /** What the gates have been told to make, and how many of them have. */
  readonly #fixes = new Map<Proposal, SpreadFix>()
  readonly #tellers = new Set<(message: ToAgent) => void>()
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
  async enter(side: Side): Promise<string> {
    const fix = side.fix?.proposal && (await this.#spread(side.fix.proposal))
    const id = String(++this.#sideCount)
    this.#sides.set(id, side)
    return writeMark({ id, isSerializable: side.fix?.isolation === 'serializable', fix })
  }

  /** Every process of the application makes the fix for itself. @throws HF_CLASH_APP */
  async #spread(proposal: Proposal): Promise<number> {
    const known = this.#fixes.get(proposal) ?? {
      number: this.#fixes.size + 1,
      ready: 0,
      isRefused: false,
      waiting: new Set(),
    }
    if (!this.#fixes.has(proposal)) {
      this.#fixes.set(proposal, known)
      for (const tell of this.#tellers) tell({ type: 'fix', fix: known.number, ...proposal })
    }
    if (known.ready < this.#tellers.size)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, FIX_MS)
        known.waiting.add(() => {
          if (known.ready < this.#tellers.size) return
          clearTimeout(timer)
          resolve()
        })
      })
    if (known.isRefused) throw clashError('HF_CLASH_APP', 'The application could not make the fix.')
    if (known.ready < this.#tellers.size)
      throw clashError('HF_CLASH_APP', `The application has not made the fix within ${FIX_MS} ms.`)
    return known.number
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
    this.#sides.delete(readMark(header).id)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #meet(socket: Socket): void {
    const flying = new Map<number, Flying>()
    let isKnown = false
    const tell = (message: ToAgent) => void socket.write(`${JSON.stringify(message)}\n`)
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#tellers.delete(tell)
      // The process has ended in the middle of it.
      for (const { side, running } of flying.values()) side.leave(running, { code: '57P01' })
    })
    const take = (line: string) => {
      const message = JSON.parse(line) as FromAgent
      if (!isKnown) {
        isKnown = message.type === 'hello' && isSame(message.token, this.token)
        if (isKnown) this.#welcome(tell)
        else socket.destroy()
        return
      }
      this.#take(message, flying, tell)
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

  #welcome(tell: (message: ToAgent) => void): void {
    this.#agents++
    this.#tellers.add(tell)
    for (const [proposal, { number }] of this.#fixes) tell({ type: 'fix', fix: number, ...proposal })
  }

  #take(message: FromAgent, flying: Map<number, Flying>, answer: (message: ToAgent) => void): void {
    if (message.type === 'listening') {
      this.#ports.push(message.port)
      this.#onPort?.()
    } else if (message.type === 'arrive') void this.#arrive(message, flying, answer)
    else if (message.type === 'pid') {
      const found = flying.get(message.statement)
      if (found) found.pid = message.pid
    } else if (message.type === 'ready') {
      for (const fix of this.#fixes.values()) if (fix.number === message.fix) noteReady(fix, message.isMade)
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

function noteReady(fix: SpreadFix, isMade: boolean): void {
  fix.ready++
  fix.isRefused ||= !isMade
  for (const look of fix.waiting) look()
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [given, token].map((text) => Buffer.from(text)) as [Buffer, Buffer]
  return a.length === b.length && timingSafeEqual(a, b)
}
