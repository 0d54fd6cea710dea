import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { EmbeddedOptions } from '../../src/embedded/index.js'

export interface Answer {
  ok: boolean
  ms: number
  url: string
  dataDir: string
  version: string
  shared: boolean
  code: string
  message: string
  fix: string
  exitCode: number
}

export interface Client {
  pid: number
  child: ChildProcess
  answer: Promise<Answer>
  stop(): Promise<void>
  kill(): Promise<void>
}

export interface ClientPlan extends Omit<EmbeddedOptions, 'signal'> {
  /** Wall clock at which it begins, to the millisecond. */
  startAt?: number
  /** Another build of the module. */
  module?: string
}

export interface Surroundings {
  uid?: number
  gid?: number
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** A command that runs the client, e.g. one that takes capabilities away. */
  wrapper?: string[]
}

const script = fileURLToPath(new URL('./client.mjs', import.meta.url))

export function spawnClient(plan: ClientPlan, { wrapper = [], ...surroundings }: Surroundings = {}): Client {
  const words = [...wrapper, process.execPath, script, JSON.stringify(plan)]
  const child = spawn(words[0]!, words.slice(1), { ...surroundings, stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const answer = once(lines, 'line').then(([line]) => JSON.parse(line as string) as Answer)
  return {
    pid: child.pid!,
    child,
    answer,
    stop: async () => {
      child.stdin.write('stop\n')
      await exited
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
