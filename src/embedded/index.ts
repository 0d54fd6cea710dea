import { resolve } from 'node:path'
import { isHoldfastError } from '../core/errors.js'
import { openDatabase } from './database.js'
import { embeddedError } from './errors.js'
import { openGuardian, type GuardianLink } from './guardian-link.js'
import { describeHome, prepareHome, type Home } from './home.js'
import type { GuardianRequest } from './protocol.js'
import type { EmbeddedOptions, EmbeddedServer } from './types.js'
import { beginPatience, countRemainingMs, type Patience } from './waiting.js'

export { embeddedErrors } from './errors.js'
export type { EmbeddedOptions, EmbeddedServer } from './types.js'

const mostReplacements = 3

/**
 * Starts PostgreSQL in a folder, or joins the server that another process runs there. For development and tests.
 * @throws HF_EMBEDDED_… with exit code 3; whatever had been started is stopped before.
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const { database = 'app', startMs = 60_000, signal } = options
  throwIfAborted(signal)
  const patience = beginPatience(startMs, signal)
  const home = describeHome(resolve(options.dir ?? '.holdfast'))
  await prepareHome(home)
  const request = describeRequest(home, options, startMs)
  const link = await openGuardian(home, request, signal)
  const { port, password, dataDir, shared } = link.reply
  const version = await openOrClose(link, { port, password, database }, patience)
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
  return { url, dataDir, version, shared, stop: keepGuarded(home, request, link) }
}

function describeRequest(home: Home, options: EmbeddedOptions, startMs: number): GuardianRequest {
  return {
    dir: home.dir,
    cwd: process.cwd(),
    clientPid: process.pid,
    settings: options.settings ?? {},
    binaries: options.binaries === undefined ? undefined : resolve(options.binaries),
    startMs,
  }
}

async function openOrClose(
  link: GuardianLink,
  target: { port: number; password: string; database: string },
  patience: Patience,
): Promise<string> {
  try {
    return await openDatabase(target, patience)
  } catch (error) {
    await link.close()
    throwIfAborted(patience.signal)
    if (isHoldfastError(error)) throw error
    throw embeddedError(
      'HF_EMBEDDED_START_FAILED',
      `The server on port ${target.port} did not open ${target.database}: ${(error as Error).message}`,
      {
        cause: error,
        details: { port: target.port, database: target.database, remainingMs: countRemainingMs(patience) },
      },
    )
  }
}

/**
 * Replaces a guardian that was killed, since without one a crash of ours would leave the server behind.
 * Returns the function that leaves.
 */
function keepGuarded(home: Home, request: GuardianRequest, first: GuardianLink): () => Promise<void> {
  let current: Promise<GuardianLink | undefined> = Promise.resolve(first)
  let stopping: Promise<void> | undefined
  let replacements = 0
  const watch = (link: GuardianLink) => {
    link.onLost(() => {
      if (stopping || replacements++ >= mostReplacements) return
      current = openGuardian(home, request).then(
        (next) => {
          watch(next)
          return next
        },
        // It cannot be told to anybody before stop(), and then there is nothing left to stop.
        () => undefined,
      )
    })
  }
  const leave = async () => (await current)?.close()
  watch(first)
  return () => (stopping ??= leave())
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw embeddedError('HF_EMBEDDED_ABORTED', 'The start was aborted.', { cause: signal.reason })
}
