import type { ChildProcess } from 'node:child_process'

/** Answers a call; what it throws reaches the caller. */
export type Answer = (what: string, subject: unknown) => unknown

type Message = { call: number; what: string; subject: unknown } | { reply: number; result?: unknown; error?: string }

/** Calls in both directions between an experiment and a process of it. Whoever calls goes on when it was answered. */
export class Link {
  readonly #channel: ChildProcess | NodeJS.Process
  readonly #answer: Answer
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #next = 0
  #isClosed = false

  constructor(channel: ChildProcess | NodeJS.Process, answer: Answer) {
    this.#channel = channel
    this.#answer = answer
    channel.on('message', (message) => void this.#take(message as Message))
  }

  /** Rejects when the other process ends before it has answered. */
  async call(what: string, subject?: unknown): Promise<unknown> {
    if (this.#isClosed) throw new Error('The process has ended.')
    const call = this.#next++
    return await new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject })
      this.#send({ call, what, subject })
    })
  }

  close(): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting.values()) reject(new Error('The process has ended.'))
    this.#waiting.clear()
  }

  async #take(message: Message): Promise<void> {
    if ('reply' in message) return this.#settle(message.reply, message.result, message.error)
    try {
      this.#send({ reply: message.call, result: await this.#answer(message.what, message.subject) })
    } catch (error) {
      this.#send({ reply: message.call, error: error instanceof Error ? error.message : String(error) })
    }
  }

  #settle(call: number, result: unknown, error: string | undefined): void {
    const caller = this.#waiting.get(call)
    this.#waiting.delete(call)
    if (error === undefined) caller?.resolve(result)
    else caller?.reject(new Error(error))
  }

  #send(message: Message): void {
    // The other end may be dead by now; its exit is what tells, not this.
    if (!this.#isClosed && this.#channel.connected) this.#channel.send?.(message, undefined, undefined, () => {})
  }
}

/** In the process: its options, and the link to the experiment that started it, with which it ends. */
export async function joinExperiment<Options>(answer: Answer): Promise<{ options: Options; link: Link }> {
  process.on('disconnect', () => process.exit(1))
  const link = new Link(process, answer)
  // Over the link and not as an argument: the url holds a password, and arguments are there for all to read.
  return { options: (await link.call('options')) as Options, link }
}
