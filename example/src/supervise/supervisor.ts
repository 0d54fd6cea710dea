import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { relayLines } from './relay.js'

/** A child that has not ended by itself after this long is killed. @unit ms */
const killAfterMs = 2_000

export interface ChildSpec {
  name: string
  module: URL
  env: Readonly<Record<string, string>>
  /** Ending with code 0 is no failure: the work is done. Default: false. */
  mayEnd?: boolean
}

export interface ChildFailure {
  name: string
  code: number | null
  signal: NodeJS.Signals | null
}

/** Starts child processes, notices when one dies, and ends them all together. */
export class Supervisor {
  readonly #children = new Set<ChildProcess>()
  readonly #onFailure: (failure: ChildFailure) => void
  #isStopping = false

  constructor(onFailure: (failure: ChildFailure) => void) {
    this.#onFailure = onFailure
  }

  /** Starts a child; its log lines are relayed under its name, and it ends by itself when this process is gone. */
  start({ name, module, env, mayEnd = false }: ChildSpec): ChildProcess {
    if (this.#isStopping) throw new Error('The supervisor is stopping.')
    const child = fork(module, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.#children.add(child)
    relayLines(child, name)
    child.once('exit', (code, signal) => {
      this.#children.delete(child)
      const isExpected = this.#isStopping || (mayEnd && code === 0)
      if (!isExpected) this.#onFailure({ name, code, signal })
    })
    return child
  }

  /** Starts a child and resolves with the port that it reports; never when it dies, which `onFailure` hears. */
  async startServer(spec: ChildSpec): Promise<number> {
    const child = this.start(spec)
    const [message] = (await once(child, 'message')) as [{ type: 'ready'; port: number }]
    return message.port
  }

  /** SIGTERM to all, SIGKILL to those that stay. Resolves when every child has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const children = [...this.#children]
    const ended = children.map((child) => once(child, 'exit'))
    for (const child of children) child.kill('SIGTERM')
    const timer = setTimeout(() => {
      for (const child of this.#children) child.kill('SIGKILL')
    }, killAfterMs)
    await Promise.all(ended)
    clearTimeout(timer)
  }
}
