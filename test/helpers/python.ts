import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Debian's packages are seen by its own interpreter; another one may come first in PATH. */
const candidates = ['python3', '/usr/bin/python3']

/** A Python that has psycopg (Debian: python3-psycopg); undefined on a machine that lacks it. */
export async function findPython(): Promise<string | undefined> {
  for (const program of candidates) if (await canImport(program)) return program
  return undefined
}

async function canImport(program: string): Promise<boolean> {
  const child = spawn(program, ['-c', 'import psycopg'], { stdio: 'ignore' })
  return await new Promise<boolean>((resolve) => {
    child.on('error', () => resolve(false))
    child.on('exit', (code) => resolve(code === 0))
  })
}

export interface PythonProgram {
  /** Its next line; fails with what it wrote to stderr when it ends without one. */
  readLine(): Promise<string>
  write(line: string): void
  /** Waits until it has ended by itself; fails with what it wrote to stderr when it ended badly. */
  end(): Promise<void>
  /** At once, with no chance to tidy up. */
  kill(): Promise<void>
}

export function startPython(program: string, file: string, args: readonly string[]): PythonProgram {
  const child = spawn(program, [file, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    readLine: async () => {
      const { value, done } = await lines.next()
      if (done !== true) return value
      await ended
      throw new Error(`Python ended without a word: ${errors}`)
    },
    write: (line) => void child.stdin.write(`${line}\n`),
    end: async () => {
      const [code] = (await ended) as [number | null]
      if (code !== 0) throw new Error(`Python ended with ${code}: ${errors}`)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/**
 * Runs it to its end; gives its first line. A program that was killed after its line was seen to lose the commit
 * that follows the line.
 */
export async function runPython(program: string, file: string, args: readonly string[]): Promise<string> {
  const python = startPython(program, file, args)
  python.write('')
  const line = await python.readLine()
  await python.end()
  return line
}
