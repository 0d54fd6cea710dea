import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface App {
  child: ChildProcess
  stderr(): string
  /** Status and body. */
  call(path: string, init?: RequestInit): Promise<{ status: number; body: string }>
  /** Tells it to end by itself, and gives its exit code. */
  stop(): Promise<number | null>
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>
}

export interface AppOptions {
  /** Default: `--import holdfast/register`. */
  args?: string[]
  env?: Record<string, string>
}

const registered = ['--import', 'holdfast/register']

/** A program of the fixtures in a process of its own, as its users start it. */
export async function runApp(
  name: string,
  url: string,
  { args = registered, env = {} }: AppOptions = {},
): Promise<App> {
  const child = spawnFixture(name, url, { args, env })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = waitForEnd(child)
  const port = await Promise.race([
    waitForPort(child),
    ended.then((code) => Promise.reject(new Error(`${name} ended with ${String(code)}: ${stderr}`))),
  ])
  return {
    child,
    ended,
    stderr: () => stderr,
    call: async (path, init) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, init)
      return { status: answer.status, body: await answer.text() }
    },
    stop: async () => {
      child.stdin?.write('end\n')
      return (await ended) as number | null
    },
  }
}

export function spawnFixture(
  name: string,
  url: string,
  { args = registered, env = {} }: AppOptions = {},
): ChildProcess {
  const file = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
  const own = { ...process.env, DATABASE_URL: url, HOLDFAST_WATCH_FLUSH_MS: '100', ...env }
  return spawn(process.execPath, [...args, file], { stdio: ['pipe', 'pipe', 'pipe'], env: own })
}

export const waitForEnd = async (child: ChildProcess): Promise<number | NodeJS.Signals | null> =>
  await new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)))

async function waitForPort(child: ChildProcess): Promise<number> {
  let text = ''
  return await new Promise((resolve) =>
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const port = /listening (\d+)/.exec(text)?.[1]
      if (port !== undefined) resolve(Number(port))
    }),
  )
}
