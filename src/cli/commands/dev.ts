import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { connectTo } from '../../core/index.js'
import { readNumber, urlOption, type Command } from '../command.js'
import { cliError } from '../errors.js'
import { resolveUrl } from '../open-database.js'
import type { Terminal } from '../terminal.js'

/** The application gets this long to end after Ctrl-C; the whole must be gone within five seconds. */
const APP_END_MS = 3_000

export const devCommand: Command = {
  name: 'dev',
  summary: 'Starts the embedded PostgreSQL, migrates it, and runs an application on it.',
  examples: ['holdfast dev -- node app.js', 'holdfast dev --port 4000 -- npm run serve', 'holdfast dev'],
  words: [],
  options: {
    url: urlOption,
    port: { type: 'string', value: 'n', doc: 'Handed to the application as PORT. Default: PORT, else 3000.' },
  },
  run: async (input) => {
    const port = readNumber(input, 'port', Number(process.env['PORT'] ?? 3000))
    const stopped = listenForStop()
    if (input.rest.length > 0) await refuseTakenPort(port)
    const started = performance.now()
    const server = await resolveUrl(input.options['url'] as string | undefined)
    try {
      await prepareDatabase(server.url, started, input.terminal)
      if (input.rest.length === 0) return await keepServing(server.url, stopped, input.terminal)
      return await runApp(input.rest, { DATABASE_URL: server.url, PORT: String(port) }, stopped)
    } finally {
      await server.stop()
    }
  },
}

/** Resolves at the first Ctrl-C or SIGTERM; further ones change nothing, the end has its own deadline. */
function listenForStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal))
  })
}

async function refuseTakenPort(port: number): Promise<void> {
  const taken = await new Promise<boolean>((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
    probe.listen(port, () => probe.close(() => resolve(false)))
  })
  if (taken) {
    throw cliError('HF_CLI_PORT_TAKEN', `Port ${port} is in use by another program.`, {
      fix: `End the program that listens on ${port}, or choose another port: PORT=${port + 1} npm start`,
    })
  }
}

async function prepareDatabase(url: string, started: number, terminal: Terminal): Promise<void> {
  const db = await connectTo({ url, directUrl: url, pool: { max: 2 } })
  try {
    const { applied } = await db.migrate()
    const seconds = ((performance.now() - started) / 1_000).toFixed(1)
    const migrated = applied.length === 0 ? 'schema up to date' : `${applied.length} migrations applied`
    terminal.progress(`  database  PostgreSQL ${db.server.version}, ${migrated}, ready in ${seconds} s`)
  } finally {
    await db.close()
  }
}

async function keepServing(url: string, stopped: Promise<unknown>, terminal: Terminal): Promise<number> {
  terminal.print(`DATABASE_URL=${url}`)
  terminal.progress('Ctrl-C stops it. Next: holdfast dev -- <your command>')
  const alive = setInterval(() => {}, 2 ** 30)
  await stopped
  clearInterval(alive)
  return 0
}

async function runApp(
  [command = '', ...args]: string[],
  env: Record<string, string>,
  stopped: Promise<NodeJS.Signals>,
): Promise<number> {
  // With an IPC channel the application hears of our death even when that is a kill -9.
  const child = spawn(command, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env, HOLDFAST_DEV: '1' },
  })
  const ended = waitForEnd(child)
  const first = await Promise.race([ended, stopped])
  if (typeof first === 'string') return await endApp(child, ended)
  if (first.code === 0) return 0
  if (first.code === 2) return 2
  throw cliError('HF_CLI_APP_ENDED', `The application ended by itself with ${first.code ?? first.signal}.`)
}

interface AppEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

function waitForEnd(child: ChildProcess): Promise<AppEnd> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', (cause) => {
      const { code = '' } = cause as NodeJS.ErrnoException
      reject(cliError('HF_CLI_USAGE', `The command "${child.spawnfile}" could not be started (${code}).`, { cause }))
    })
  })
}

async function endApp(child: ChildProcess, ended: Promise<unknown>): Promise<number> {
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), APP_END_MS)
  await ended
  clearTimeout(late)
  return 0
}
