import { AsyncResource } from 'node:async_hooks'
import type { Rewritten } from '../fix/types.js'
import { hookOnce } from './hooked.js'
import { splits } from './statements.js'
import { currentSide, type GateSide, type Running } from './side.js'

type Callback = (error: unknown, result?: unknown) => void
type Query = (this: Client, ...args: unknown[]) => unknown

interface Client {
  query: Query
  processID?: number | null
  getTransactionStatus?: () => string | null
}

interface PgModule {
  Client: { prototype: { query: Query } }
  Pool?: { prototype: { connect: (...args: unknown[]) => unknown } }
}

/** Stops statements of a replay's requests in front of the driver; those of nobody go straight through. */
export function gatePg({ Client, Pool }: PgModule): () => void {
  const leaveClient = hookOnce(Client.prototype, () => hookClient(Client.prototype))
  const leavePool = Pool ? hookOnce(Pool.prototype, () => bindPool(Pool.prototype)) : () => {}
  return () => {
    leaveClient()
    leavePool()
  }
}

export function hookClient(prototype: { query: Query }): () => void {
  const { query } = prototype
  const gated: Query = function (...args) {
    const side = currentSide()
    return side === undefined ? query.apply(this, args) : passGate(side, this, query, args)
  }
  prototype.query = gated
  return () => {
    if (prototype.query === gated) prototype.query = query
  }
}

/** A caller that waited for a connection is called by whoever gave it back, in the scope of that one. */
export function bindPool(prototype: { connect: (...args: unknown[]) => unknown }): () => void {
  const { connect } = prototype
  const bound = function (this: unknown, ...args: unknown[]): unknown {
    const [callback] = args
    return connect.apply(this, typeof callback === 'function' ? [AsyncResource.bind(callback as () => void)] : args)
  }
  prototype.connect = bound
  return () => {
    if (prototype.connect === bound) prototype.connect = connect
  }
}

function passGate(side: GateSide, client: Client, query: Query, args: unknown[]): unknown {
  const [what] = args
  const last = args.at(-1)
  if (isSubmittable(what)) return passSubmittable(side, client, query, args, what)
  if (typeof last === 'function') {
    const callback = AsyncResource.bind(last as Callback)
    void runGated(side, client, query, args.slice(0, -1)).then(
      (result) => callback(null, result),
      (error: unknown) => callback(error),
    )
    return undefined
  }
  return runGated(side, client, query, args)
}

async function runGated(side: GateSide, client: Client, query: Query, args: unknown[]): Promise<unknown> {
  const text = readText(args[0])
  const changed = rewrite(side, text, args)
  const sent = changed.args
  const sentText = readText(sent[0])
  if (!isOpen(client) && splits(sentText))
    return await runSplit(side, client, query, sent, sentText, changed.mustAffect)
  const running = await side.arrive(sentText, { readPid: pidOf(client) })
  return await run(side, client, query, sent, running, changed.mustAffect)
}

async function run(
  side: GateSide,
  client: Client,
  query: Query,
  args: unknown[],
  running: Running,
  mustAffect: boolean,
): Promise<unknown> {
  try {
    const result = await ask(client, query, args)
    if (mustAffect && (result as { rowCount?: number }).rowCount === 0) throw nobodyChanged()
    keep(side, running.text, result)
    side.leave(running)
    return result
  } catch (error) {
    side.leave(running, error)
    throw error
  }
}

/** A statement by itself takes time too: another one can come between its work and its commit. */
async function runSplit(
  side: GateSide,
  client: Client,
  query: Query,
  args: unknown[],
  text: string,
  mustAffect: boolean,
): Promise<unknown> {
  const running = await side.arrive(text, { readPid: pidOf(client) })
  let result: unknown
  try {
    await ask(client, query, [side.fix?.isolation === 'serializable' ? 'begin isolation level serializable' : 'begin'])
    result = await ask(client, query, args)
    if (mustAffect && (result as { rowCount?: number }).rowCount === 0) throw nobodyChanged()
    keep(side, text, result)
    side.leave(running)
  } catch (error) {
    await ask(client, query, ['rollback'])
    side.leave(running, error)
    throw error
  }
  const committing = await side.arrive('commit', { readPid: pidOf(client) })
  try {
    await ask(client, query, ['commit'])
    side.leave(committing)
    return result
  } catch (error) {
    side.leave(committing, error)
    throw error
  }
}

/** By a callback: its promise would be made by the driver, and copies of drivers make different ones. */
const ask = async (client: Client, query: Query, args: unknown[]): Promise<unknown> =>
  await new Promise((resolve, reject) => {
    query.apply(client, [
      ...args,
      (error: unknown, result: unknown) => (error ? reject(error as Error) : resolve(result)),
    ])
  })

interface Submittable {
  text?: unknown
  begin?: unknown
  callback?: Callback
}

/** A query object, of the core or a cursor: it comes back at once, and is sent when it is let through. */
function passSubmittable(side: GateSide, client: Client, query: Query, args: unknown[], what: Submittable): unknown {
  const text = [what.begin, what.text].filter((part) => typeof part === 'string').join('; ')
  const refused = (error: unknown) => {
    const { callback } = what
    if (callback) Reflect.apply(callback, what, [error])
  }
  void side.arrive(text, { readPid: pidOf(client) }).then((running) => {
    const { callback } = what
    if (callback === undefined) side.leave(running)
    else
      what.callback = (error, result) => {
        if (!error) keep(side, text, result)
        side.leave(running, error ?? undefined)
        callback.call(what, error, result)
      }
    query.apply(client, args)
  }, refused)
  return what
}

/** Known once it is connected. */
const pidOf = (client: Client) => () => client.processID ?? undefined

const isSubmittable = (what: unknown): what is Submittable =>
  typeof what === 'object' && what !== null && typeof (what as { submit?: unknown }).submit === 'function'

/** What a fix may have to compare with later: the first rows, by their columns' names. */
export function keep(side: GateSide, text: string, result: unknown): void {
  const { rows, fields = [] } = (result ?? {}) as { rows?: unknown[]; fields?: { name: string }[] }
  if (!side.fix?.rewrite || !Array.isArray(rows)) return
  const toRow = (row: unknown) =>
    Array.isArray(row) ? Object.fromEntries(fields.map(({ name }, at) => [name, row[at] as unknown])) : row
  side.earlier.push({ text, rows: rows.slice(0, 5).map(toRow) })
}

const isOpen = (client: Client): boolean => {
  const status = client.getTransactionStatus?.()
  return status === 'T' || status === 'E'
}

function readText(what: unknown): string {
  if (typeof what === 'string') return what
  const { text } = (what ?? {}) as { text?: unknown }
  return typeof text === 'string' ? text : ''
}

function rewrite(side: GateSide, text: string, args: unknown[]): { args: unknown[]; mustAffect: boolean } {
  const { fix } = side
  if (fix?.isolation && /^\s*(begin|start transaction)\b/i.test(text))
    return { args: ['begin isolation level serializable'], mustAffect: false }
  const changed = fix?.rewrite?.({ text, values: readValues(args), earlier: side.earlier })
  return changed === undefined
    ? { args, mustAffect: false }
    : { args: put(args, changed), mustAffect: changed.mustAffect === true }
}

function readValues([what, second]: readonly unknown[]): readonly unknown[] | undefined {
  if (Array.isArray(second)) return second
  const { values } = (what ?? {}) as { values?: unknown }
  return Array.isArray(values) ? values : undefined
}

/** The same call with another text; a prepared statement's name would be that of the old one. */
function put(args: readonly unknown[], { text, values }: Rewritten): unknown[] {
  const [what, ...others] = args
  const given = values ?? readValues(args)
  if (typeof what !== 'object' || what === null) return given === undefined ? [text, ...others] : [text, given]
  const { name: _, ...config } = what as Record<string, unknown>
  return [{ ...config, text, ...(given && { values: given }) }, ...others.filter((other) => !Array.isArray(other))]
}

export const nobodyChanged = () => Object.assign(new Error('No row was as it had been read.'), { code: '40001' })
