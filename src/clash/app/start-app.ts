import { spawn, type ChildProcess } from 'node:child_process'
import { Agent as HttpAgent, request as sendHttp } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { clashError } from '../errors.js'
import { currentOwnSide } from '../replay/side.js'
import { makeAppEnv } from './app-env.js'
import type { Hub } from './hub.js'
import type { HttpRequest } from './http-request.js'
import { sideHeader } from './protocol.js'

/** It may end by itself for so long after SIGTERM. @unit ms */
const END_MS = 3_000
/** Of one answer. @unit ms */
const ANSWER_MS = 30_000
const MOST_BODY = 1_000_000

export interface RunningApp {
  /** Where it listens. */
  url: string
  send: (request: HttpRequest) => Promise<{ status: number; body?: unknown }>
  close: () => Promise<void>
}

export interface StartOptions {
  command: string
  /** The database that it uses otherwise. */
  url: string
  clone: string
  hub: Hub
  port: number | undefined
  startMs: number
  signal: AbortSignal | undefined
}

/** Starts the application on the clone, with the gate loaded in front of it, and waits until it listens. */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  const wanted = options.port ?? (await findFreePort())
  const child = spawnApp(options, wanted)
  const http = new HttpAgent({ keepAlive: true, maxSockets: 8 })
  try {
    const port = await waitForPort(child, wanted, options)
    return {
      url: `http://127.0.0.1:${port}`,
      send: async (request) => await send(request, port, http, options.hub),
      close: async () => {
        http.destroy()
        await endApp(child)
      },
    }
  } catch (error) {
    http.destroy()
    await endApp(child)
    throw error
  }
}

function spawnApp({ command, url, clone, hub }: StartOptions, port: number): ChildProcess {
  const env = makeAppEnv(process.env, url, clone, port)
  const register = new URL('../../register/index.js', import.meta.url).href
  return spawn(command, {
    shell: true,
    // A group of its own: a shell or npm would leave the program behind.
    detached: true,
    // What it says belongs to whoever started us, and our own result stays by itself on stdout.
    stdio: ['ignore', 2, 2],
    env: {
      ...env,
      NODE_OPTIONS: `${env['NODE_OPTIONS'] ?? ''} --import ${register}`.trim(),
      HOLDFAST_CLASH_PORT: String(hub.port),
      HOLDFAST_CLASH_TOKEN: hub.token,
    },
  })
}

async function waitForPort(
  child: ChildProcess,
  wanted: number,
  { hub, startMs, signal }: StartOptions,
): Promise<number> {
  let end: string | undefined
  child.once('error', (error) => (end = `could not be started: ${error.message}`))
  child.once('exit', (code, killed) => (end = `ended by itself with ${String(code ?? killed)}`))
  const until = performance.now() + startMs
  for (;;) {
    signal?.throwIfAborted()
    const port = hub.findPort(wanted)
    if (port !== undefined) return port
    if (end !== undefined) throw clashError('HF_CLASH_APP', `The command ${end}. It was given PORT=${wanted}.`)
    if (performance.now() > until) throw describeSilent(hub, wanted, startMs)
    await hub.nextPort(100)
  }
}

function describeSilent(hub: Hub, port: number, startMs: number) {
  const why = hub.hasAgent ? 'does not listen' : 'has not loaded holdfast/register (does it read NODE_OPTIONS?)'
  return clashError('HF_CLASH_APP', `The command ${why} after ${startMs} ms. It was given PORT=${port}.`, {
    details: { port, startMs },
  })
}

async function send(
  { method, path, headers, body }: HttpRequest,
  port: number,
  agent: HttpAgent,
  hub: Hub,
): Promise<{ status: number; body?: unknown }> {
  const side = currentOwnSide()
  const mark = side && (await hub.enter(side))
  const own = mark === undefined ? headers : { ...headers, [sideHeader]: mark }
  const signal = AbortSignal.timeout(ANSWER_MS)
  try {
    return await new Promise((resolve, reject) => {
      const request = sendHttp({ host: '127.0.0.1', port, method, path, agent, signal, headers: own }, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (text += text.length < MOST_BODY ? chunk : ''))
        answer.on('error', reject)
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
      })
      request.on('error', reject)
      request.end(body)
    })
  } finally {
    if (mark !== undefined) hub.forget(mark)
  }
}

async function endApp(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return signalGroup(child, 'SIGKILL')
  const ended = new Promise((resolve) => child.once('exit', resolve))
  signalGroup(child, 'SIGTERM')
  const late = setTimeout(() => signalGroup(child, 'SIGKILL'), END_MS)
  await ended
  clearTimeout(late)
  // A shell that ended may have left its program.
  signalGroup(child, 'SIGKILL')
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody is left.
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
