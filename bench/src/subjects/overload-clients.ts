import { createRandom } from 'holdfast/prove'
import { connect, type Socket } from 'node:net'
import type { Stretch, Subject } from '../harness/types.js'

/** At the beginning of an open loop nothing is counted: what is measured is an overload that lasts. @unit ms */
const RAMP_MS = 1_000
/** Whoever has not been answered at the end is waited for so long, and then counts as not answered. @unit ms */
const PATIENCE_MS = 1_000

interface Seen {
  /** Of answers 2xx, from the instant that the request was due. @unit ms */
  answered: number[]
  /** Of others. @unit ms */
  refused: number[]
  lost: number
  /** Of sending, behind the instant that was due: where it is high it was these clients that had no processor. @unit ms */
  behind: number[]
}

/** Keep-alive connections, as many as are needed at once: a request that is due never waits for another one's answer. */
class Connections {
  readonly #idle: Socket[] = []
  readonly #all = new Set<Socket>()
  readonly #port: number

  constructor(url: string) {
    this.#port = Number(new URL(url).port)
  }

  /** Calls back with the status, 0 when the connection was lost. */
  send(path: string, onAnswer: (status: number) => void): void {
    const socket = this.#idle.pop() ?? this.#open()
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (text.length < end + 4 + length) return
      release()
      if (/connection: close/i.test(text)) socket.destroy()
      else this.#idle.push(socket)
      onAnswer(Number(text.slice(9, 12)))
    }
    const onClose = () => {
      release()
      onAnswer(0)
    }
    const release = () => {
      socket.off('data', onData)
      socket.off('close', onClose)
    }
    socket.on('data', onData)
    socket.on('close', onClose)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  }

  closeAll(): void {
    for (const socket of this.#all) socket.destroy()
    this.#idle.length = 0
  }

  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.on('error', () => {})
    this.#all.add(socket)
    socket.once('close', () => {
      this.#all.delete(socket)
      const place = this.#idle.indexOf(socket)
      if (place !== -1) this.#idle.splice(place, 1)
    })
    return socket
  }
}

const startSeen = (): Seen => ({ answered: [], refused: [], lost: 0, behind: [] })

const wait = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms))

/** One after the other, each with a little rest: what a request takes when nobody else is there. */
async function visitAlone(connections: Connections, path: string, ms: number, random: () => number): Promise<Seen> {
  const seen = startSeen()
  const endsAt = performance.now() + ms
  while (performance.now() < endsAt) {
    const dueAt = performance.now() + 1 + random() * 2
    await wait(dueAt - performance.now())
    await new Promise<void>((resolve) => {
      connections.send(path, (status) => {
        note(seen, status, performance.now() - dueAt)
        resolve()
      })
    })
  }
  return seen
}

/** At instants fixed in advance, whether or not earlier ones were answered; each is measured from the instant it was due. */
async function visitOpen(
  connections: Connections,
  path: string,
  { ms, perSecond, random }: { ms: number; perSecond: number; random: () => number },
): Promise<Seen> {
  const seen = startSeen()
  const begunAt = performance.now()
  let dueAt = begunAt
  const waiting = new Set<number>()
  let isOver = false
  for (;;) {
    dueAt += (-Math.log(1 - random()) * 1_000) / perSecond
    if (dueAt > begunAt + RAMP_MS + ms) break
    const untilMs = dueAt - performance.now()
    if (untilMs > 0.5) await wait(untilMs)
    // Whoever is behind must hear answers all the same.
    else if (untilMs < -1) await new Promise((resolve) => setImmediate(resolve))
    const due = dueAt
    waiting.add(due)
    if (due >= begunAt + RAMP_MS) seen.behind.push(performance.now() - due)
    connections.send(path, (status) => {
      waiting.delete(due)
      if (due < begunAt + RAMP_MS || isOver) return
      note(seen, status, performance.now() - due)
    })
  }
  const patientUntil = performance.now() + PATIENCE_MS
  while (waiting.size > 0 && performance.now() < patientUntil) await wait(5)
  isOver = true
  seen.lost += waiting.size
  connections.closeAll()
  return seen
}

function note(seen: Seen, status: number, tookMs: number): void {
  if (status >= 200 && status < 300) seen.answered.push(tookMs)
  else if (status === 0) seen.lost++
  else seen.refused.push(tookMs)
}

/** `aim` sets the rate, `…_alone` and `…_open` measure for so many ms; `refused` gives the refusals of the last one, `behind` how late its requests were sent. */
const subject: Subject = {
  open: async (url) => {
    const connections = new Connections(url)
    const random = createRandom(1)
    let perSecond = 0
    let last = startSeen()
    const tell = (samples: readonly number[], ms = 0, operations = samples.length): Stretch => ({
      operations,
      seconds: ms / 1_000,
      cpuUs: 0,
      samples,
    })
    const alone = (path: string) => async (ms: number) => {
      last = await visitAlone(connections, path, ms, random)
      return tell(last.answered, ms)
    }
    const open = (path: string) => async (ms: number) => {
      last = await visitOpen(connections, path, { ms, perSecond, random })
      return tell(last.answered, ms)
    }
    return await Promise.resolve({
      operations: {},
      measures: {
        aim: async (rate) => await Promise.resolve(tell([(perSecond = rate)])),
        cpu_alone: alone('/cpu'),
        cpu_open: open('/cpu'),
        db_alone: alone('/db'),
        db_open: open('/db'),
        refused: async () => await Promise.resolve(tell(last.refused)),
        behind: async () => await Promise.resolve(tell(last.behind)),
        lost: async () => await Promise.resolve(tell([], 0, last.lost)),
      },
      close: async () => await Promise.resolve(connections.closeAll()),
    })
  },
}

export default subject
