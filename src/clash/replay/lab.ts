import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { isHoldfastError, validateOptions, type Invariant } from '../../core/index.js'
import { clashError } from '../errors.js'
import { clashLabOptionTable, replayOptionTable } from '../options.js'
import {
  cloneDatabase,
  countSessions,
  dropDatabase,
  hastenDeadlocks,
  installLog,
  readDrawnColumns,
  removeLog,
  resetDeadlocks,
} from '../store.js'
import type { ClashLab, ClashLabOptions, ReplayOptions, ReplayRequest } from '../types.js'
import { gatePg } from './gate.js'
import { gatePostgresJs } from './gate-postgres-js.js'
import { measurePairs, Replay } from './replay.js'

export interface LabParts<App> {
  app: App
  /** Beside the application, as the owner. */
  monitor: pg.Client
  drawn: readonly string[]
  invariants: readonly Invariant[]
}

/**
 * Clones a database and opens the application on it, with a gate in front of each statement, so that two requests can be
 * run in every order of their statements.
 *
 * @example
 * const lab = await openClashLab({ url, open: (clone) => createApp(clone) })
 * const report = await lab.replay(buy, buy)
 * @throws HF_CLASH_CLONE, HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export async function openClashLab<App>(options: ClashLabOptions<App>): Promise<ClashLab<App>> {
  validateOptions('openClashLab', options, clashLabOptionTable)
  const target = options.clone === false ? await useItself(options.url) : await makeClone(options.url)
  const undoing: (() => Promise<unknown> | void)[] = [target.drop]
  const close = async () => {
    for (const step of undoing.splice(0).toReversed()) await step()
  }
  try {
    const monitor = new pg.Client({ connectionString: target.url, application_name: 'holdfast clash' })
    monitor.on('error', () => {})
    await monitor.connect()
    undoing.push(async () => await monitor.end())
    await installLog(monitor)
    if (options.clone === false) undoing.push(async () => await removeLog(monitor))
    const leaves = (options.drivers ?? [pg]).map(gateDriver)
    undoing.push(() => {
      for (const leave of leaves) leave()
    })
    const app = await options.open(target.url)
    undoing.push(async () => await endApp(app, options))
    const parts: LabParts<App> = {
      app,
      monitor,
      drawn: await readDrawnColumns(monitor),
      invariants: options.invariants ?? [],
    }
    return createLab(target.url, parts, close)
  } catch (error) {
    await close()
    throw isHoldfastError(error) ? error : describeClone(error)
  }
}

function createLab<App>(url: string, parts: LabParts<App>, close: () => Promise<void>): ClashLab<App> {
  return {
    url,
    app: parts.app,
    replay: async (first: ReplayRequest<App>, second: ReplayRequest<App>, options: ReplayOptions = {}) => {
      validateOptions('lab.replay', options, replayOptionTable)
      return await new Replay(parts, [first, second], options).run()
    },
    measure: async (first, second, { fix, pairs = 20 } = {}) => await measurePairs(parts, [first, second], fix, pairs),
    close,
  }
}

const gateDriver = (driver: unknown): (() => void) =>
  typeof driver === 'function'
    ? gatePostgresJs(driver as Parameters<typeof gatePostgresJs>[0])
    : gatePg(driver as Parameters<typeof gatePg>[0])

async function endApp<App>(app: App, { close }: ClashLabOptions<App>): Promise<void> {
  if (close) return void (await close(app))
  const own = app as Partial<Record<'close' | 'end' | 'destroy', () => unknown>> | undefined
  const name = (['close', 'end', 'destroy'] as const).find((each) => typeof own?.[each] === 'function')
  if (name) await own?.[name]?.()
}

/** A test's own database. Its sessions from now on are told of deadlocks soon. */
async function useItself(url: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  const run = async (body: (client: pg.Client) => Promise<void>) => {
    const client = new pg.Client({ connectionString: url, application_name: 'holdfast clash' })
    await client.connect()
    try {
      await body(client)
    } finally {
      await client.end()
    }
  }
  await run(async (client) => await hastenDeadlocks(client, name))
  return { url, drop: async () => await run(async (client) => await resetDeadlocks(client, name)) }
}

async function makeClone(url: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const own = new URL(url)
  const from = decodeURIComponent(own.pathname.slice(1))
  const to = `${from.slice(0, 40)}_clash_${randomBytes(4).toString('hex')}`
  const admin = async <T>(body: (client: pg.Client) => Promise<T>): Promise<T> => {
    const elsewhere = new URL(url)
    elsewhere.pathname = from === 'postgres' ? '/template1' : '/postgres'
    const client = new pg.Client({ connectionString: elsewhere.href, application_name: 'holdfast clash' })
    await client.connect()
    try {
      return await body(client)
    } finally {
      await client.end()
    }
  }
  await admin(async (client) => {
    await cloneDatabase(client, from, to).catch(async (error: unknown) => {
      throw describeClone(error, await countSessions(client, from))
    })
    await hastenDeadlocks(client, to)
  })
  own.pathname = `/${encodeURIComponent(to)}`
  return { url: own.href, drop: async () => await admin(async (client) => await dropDatabase(client, to)) }
}

function describeClone(cause: unknown, sessions = 0) {
  const { message } = cause as Error
  const others = sessions > 0 ? ` ${sessions} other sessions are connected to it.` : ''
  return clashError('HF_CLASH_CLONE', `The clone could not be made: ${message}.${others}`, {
    cause,
    details: { sessions },
  })
}
