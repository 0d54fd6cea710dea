import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Link } from './link.js'

export interface ProgramOptions {
  /** A file of `programs/`. */
  name: string
  options: object
  /** Joins what this process has. */
  env?: Readonly<Record<string, string>>
  /** Answers what the process calls; an answer that is held back holds up whoever called. */
  onCall: (what: string, subject: number, program: Program) => unknown
}

/** A real process, to be killed or stopped. */
export class Program {
  readonly #child: ChildProcess
  readonly #link: Link
  isAlive = true

  private constructor(child: ChildProcess, link: Link) {
    this.#child = child
    this.#link = link
    child.once('exit', () => {
      this.isAlive = false
      link.close()
    })
  }

  /** Resolves when it says that it serves. */
  static async start({ name, options, env = {}, onCall }: ProgramOptions): Promise<Program> {
    // Without the arguments of whoever starts it: a test's would lead it to the sources, a debugger's to a taken port.
    const child = fork(await findProgram(name), [], {
      execArgv: [],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    return await new Promise((resolve, reject) => {
      const link: Link = new Link(child, (what, subject): unknown => {
        if (what === 'options') return options
        if (what === 'serving') return resolve(program)
        return onCall(what, subject as number, program)
      })
      const program: Program = new Program(child, link)
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it served.`)))
    })
  }

  /** Rejects when the process dies first. */
  async call(what: string, subject?: unknown): Promise<unknown> {
    return await this.#link.call(what, subject)
  }

  /** As a suspended machine or a long collection does: it is there, and does nothing until `resume`. */
  stop(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** `kill -9`. From this call on it counts as dead. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    this.isAlive = false
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

/** Beside this module once built; in the sources (tests) the built one of the package. */
async function findProgram(name: string): Promise<string> {
  const beside = fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url))
  const isThere = await access(beside).then(
    () => true,
    () => false,
  )
  return isThere ? beside : fileURLToPath(new URL(`../../dist/prove/programs/${name}.js`, import.meta.url))
}

/** Starts some at once; if one fails the others are not left behind. */
export async function startPrograms(count: number, program: ProgramOptions): Promise<Program[]> {
  const started = await Promise.allSettled(Array.from({ length: count }, async () => await Program.start(program)))
  const programs = started.filter((each) => each.status === 'fulfilled').map(({ value }) => value)
  const failed = started.find((each) => each.status === 'rejected')
  if (failed === undefined) return programs
  await killAll(programs)
  throw failed.reason
}

export async function killAll(programs: readonly Program[]): Promise<void> {
  await Promise.all(programs.map(async (program) => await program.kill()))
}
