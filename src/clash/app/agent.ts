// Runs inside of the application, in front of it: must load no driver.

import { connect, type Socket } from 'node:net'
import type { GateFix } from '../fix/types.js'
import { makeRefusal, makeRunning, readCode, type ArrivalOptions, type GateSide, type Running } from '../replay/side.js'
import { readMark, splitLines, type FromAgent, type ToAgent } from './protocol.js'

/** A driver notes its session as it sends; it is looked for so often, every millisecond. */
const MOST_LOOKS = 200

type ToldFix = Extract<ToAgent, { type: 'fix' }>

/** Asks the controller for leave, for each statement of a replay's requests. */
export class Agent {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (answer: 'pass' | 'refuse') => void>()
  readonly #fixes = new Map<number, GateFix>()
  readonly #numbers = new WeakMap<Running, number>()
  #statements = 0
  #isGone = false

  constructor(port: number, token: string) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.setEncoding('utf8')
    this.#socket.unref()
    this.#socket.on('error', () => {})
    // Whoever held the gate has gone: nobody is to stand there for ever.
    this.#socket.on('close', () => {
      this.#isGone = true
      for (const answer of this.#waiting.values()) answer('pass')
    })
    this.#socket.on(
      'data',
      splitLines((line) => this.#take(JSON.parse(line) as ToAgent)),
    )
    this.#send({ type: 'hello', token })
  }

  tellListening(port: number): void {
    this.#send({ type: 'listening', port })
  }

  /** The side that the header of a request names. */
  openSide(header: string): GateSide {
    const { id: side, isSerializable, fix } = readMark(header)
    const made = fix === undefined ? undefined : this.#fixes.get(fix)
    return {
      fix: isSerializable ? { ...made, isolation: 'serializable' } : made,
      earlier: [],
      arrive: async (text, options) => await this.#arrive(side, text, options),
      leave: (running, error) => {
        const statement = this.#numbers.get(running)
        if (statement !== undefined)
          this.#send({ type: 'leave', statement, code: error === undefined ? undefined : readCode(error) })
      },
    }
  }

  async #arrive(side: string, text: string, { readPid, holdsCommit = false }: ArrivalOptions): Promise<Running> {
    const running = makeRunning(text, readPid)
    if (this.#isGone) return running
    const statement = ++this.#statements
    this.#numbers.set(running, statement)
    const answer = await new Promise<'pass' | 'refuse'>((resolve) => {
      this.#waiting.set(statement, resolve)
      this.#send({ type: 'arrive', side, statement, text, holdsCommit })
    })
    this.#waiting.delete(statement)
    if (answer === 'refuse') throw makeRefusal()
    this.#tellPid(statement, readPid, MOST_LOOKS)
    return running
  }

  #tellPid(statement: number, readPid: () => number | undefined, looks: number): void {
    const pid = readPid()
    if (pid !== undefined) this.#send({ type: 'pid', statement, pid })
    else if (looks > 0) setTimeout(() => this.#tellPid(statement, readPid, looks - 1), 1).unref()
  }

  #take(message: ToAgent): void {
    if (message.type === 'fix') void this.#learnFix(message)
    else this.#waiting.get(message.statement)?.(message.type)
  }

  async #learnFix(told: ToldFix): Promise<void> {
    // A rejection that nobody handles would end the application.
    const made = await this.#makeFix(told).catch(() => undefined)
    if (made) this.#fixes.set(told.fix, made)
    this.#send({ type: 'ready', fix: told.fix, isMade: made !== undefined })
  }

  /** The parser is loaded for it, which an application that is only replayed does without. */
  async #makeFix({ clash, name }: ToldFix): Promise<GateFix | undefined> {
    const [{ proposeFixes }, { loadIdentify }] = await Promise.all([
      import('../fix/propose.js'),
      import('../../watch/index.js'),
    ])
    return proposeFixes(clash, await loadIdentify()).find((each) => each.name === name)?.gate
  }

  #send(message: FromAgent): void {
    if (!this.#isGone) this.#socket.write(`${JSON.stringify(message)}\n`)
  }
}
