import { setTimeout as sleep } from 'node:timers/promises'
import {
  readSqlstate,
  stderrLogger,
  splitArguments,
  validateOptions,
  type Db,
  type Logger,
  type Tx,
} from '../core/index.js'
import { abandonOnAbort } from './abandon.js'
import { holdsError } from './errors.js'
import { Flights } from './flights.js'
import {
  confirmOptionTable,
  extendOptionTable,
  holdOptionTable,
  holdsDefaults,
  holdsOptionTable,
  releaseOptionTable,
} from './options.js'
import * as store from './store.js'
import type {
  ConfirmedHold,
  ConfirmOptions,
  ExtendedHold,
  ExtendOptions,
  Hold,
  HoldOptions,
  Holds,
  HoldsOptions,
  ReleaseOptions,
  Stock,
  Totals,
  Units,
} from './types.js'
import { checkAmount, checkText, readWanted, type Wanted } from './wanted.js'
import { Sweeper } from './worker.js'

/** Units that somebody else is just taking are looked at again after this long. */
const AGAIN_MS = 5

/** SQLSTATEs of the functions, by what they mean. */
const codes = {
  HF031: ['HF_HOLDS_GONE', 'A hold is over'],
  HF032: ['HF_HOLDS_NOT_YOURS', 'A hold is of another owner'],
  HF033: ['HF_HOLDS_CONFIRMED', 'A hold is not released'],
} as const

type Taken = store.TakenRow

/**
 * Holds of stocks and units: taken at once, then confirmed or given back, by themselves after a time.
 *
 * @throws HF_HOLDS_SOURCE, HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export async function createHolds(db: Db, options: HoldsOptions): Promise<Holds> {
  validateOptions('createHolds', options, holdsOptionTable)
  const sources = new Map<string, { id: number; from: Stock | Units }>()
  for (const from of options.from) sources.set(from.name, { id: await registerSource(db, from), from })
  return new HoldsOf(db, sources, options.logger ?? stderrLogger)
}

async function registerSource(db: Db, from: Stock | Units): Promise<number> {
  try {
    return await store.register(db, from)
  } catch (error) {
    const state = readSqlstate(error)
    // 42602: what PostgreSQL before 16 says of a name that is none.
    if (state !== 'HF034' && state !== 'HF035' && state !== '42602') throw error
    throw holdsError('HF_HOLDS_SOURCE', `${from.name}: ${(error as Error).message}.`, { cause: error })
  }
}

class HoldsOf implements Holds {
  readonly #db: Db
  readonly #sources: ReadonlyMap<string, { id: number; from: Stock | Units }>
  readonly #flights: Flights<store.Want, Taken>
  readonly #sweeper: Sweeper
  readonly #logger: Logger

  constructor(db: Db, sources: ReadonlyMap<string, { id: number; from: Stock | Units }>, logger: Logger) {
    this.#db = db
    this.#sources = sources
    this.#logger = logger
    this.#flights = new Flights(async (group, wants) => await this.#takeAll(group, wants))
    this.#sweeper = new Sweeper(db, logger)
    this.#sweeper.start()
  }

  async hold(
    from: Stock | Units,
    resource: string,
    what: { quantity: number } | { units: readonly string[] } | { any: number },
    options: HoldOptions = {},
  ): Promise<Hold> {
    validateOptions('hold', options, holdOptionTable)
    const { ttlMs = holdsDefaults.ttlMs, key = null, owner = null, waitMs = holdsDefaults.waitMs, signal } = options
    const wanted = readWanted(from, what)
    checkText('resource', resource, 500)
    if (key !== null) checkText('key', key, 200)
    if (owner !== null) checkText('owner', owner, 200)
    const want: store.Want = { ...wanted, ttlMs, key, owner }
    const group = `${this.#idOf(from)}/${this.#nameOf(from, resource)}`
    const endsAt = performance.now() + waitMs
    for (;;) {
      signal?.throwIfAborted()
      const taken = await abandonOnAbort(this.#flights.join(group, want), signal, (late) => this.#giveBack(late, owner))
      if (taken.state === 'new' || taken.state === 'again') return toHold(from, resource, wanted, taken)
      // The next flight finds the hold of its twin.
      if (taken.state === 'twin') continue
      if (taken.state !== 'retry' || performance.now() >= endsAt) throw describeRefusal(from, resource, wanted, taken)
      await sleep(AGAIN_MS, undefined, signal && { signal })
    }
  }

  /** A flight that fails for one of its passengers is flown again with each of them alone. */
  async #takeAll(group: string, wants: readonly store.Want[]): Promise<Taken[]> {
    try {
      return await this.#take(group, wants)
    } catch (error) {
      // Without an answer of the server nobody knows what was taken; it comes back by itself.
      if (wants.length === 1 || !isOfData(error)) throw error
      return await Promise.all(
        wants.map(async (want) => (await this.#take(group, [want]).catch(() => [refused]))[0] as Taken),
      )
    }
  }

  async #take(group: string, wants: readonly store.Want[]): Promise<Taken[]> {
    const slash = group.indexOf('/')
    const [source, resource] = [Number(group.slice(0, slash)), group.slice(slash + 1)]
    const isStock = [...this.#sources.values()].find(({ id }) => id === source)?.from.kind === 'stock'
    const rows = isStock
      ? await store.takeStock(this.#db, source, resource, wants, this.#db.server.pooler === 'none')
      : await store.takeUnits(this.#db, source, resource, wants)
    const byPlace = new Map(rows.map((row) => [row.n, row]))
    return wants.map((_, place) => byPlace.get(place + 1) as Taken)
  }

  /** Taken for somebody who did not wait for it. */
  #giveBack({ state, id }: Taken, owner: string | null): void {
    if (state !== 'new' || id === null) return
    const failed = (err: unknown) =>
      this.#logger.warn({ err }, 'A hold that nobody waits for was not released; it expires by itself.')
    void store.release(this.#db, [id], owner, false).catch(failed)
  }

  async confirm(tx: Tx, ids: string | readonly string[], options: ConfirmOptions = {}): Promise<ConfirmedHold[]> {
    validateOptions('confirm', options, confirmOptionTable)
    const { owner = null } = options
    const rows = await translate(async () => await store.confirm(tx, toList(ids), owner))
    return rows.map(({ source, resource, was_confirmed: wasConfirmed, ...row }) => ({
      ...row,
      ...this.#nameBack(source, resource),
      wasConfirmed,
    }))
  }

  async extend(...args: unknown[]): Promise<ExtendedHold[]> {
    const [tx, ids, options = {}] = splitArguments<[string | readonly string[], ExtendOptions?]>(args)
    validateOptions('extend', options, extendOptionTable)
    const { owner = null, ttlMs = holdsDefaults.ttlMs } = options
    const rows = await translate(async () => await store.extend(tx ?? this.#db, toList(ids), owner, ttlMs))
    return rows.map(({ source, resource, is_confirmed: isConfirmed, expires_at: expiresAt, ...row }) => ({
      ...row,
      ...this.#nameBack(source, resource),
      expiresAt,
      isConfirmed,
    }))
  }

  async release(...args: unknown[]): Promise<number> {
    const [tx, ids, options = {}] = splitArguments<[string | readonly string[], ReleaseOptions?]>(args)
    validateOptions('release', options, releaseOptionTable)
    const { owner = null, confirmed = false } = options
    return await translate(async () => await store.release(tx ?? this.#db, toList(ids), owner, confirmed))
  }

  async setTotal(tx: Tx, stock: Stock, resource: string, total: number): Promise<void> {
    this.#idOf(stock)
    refuseTable(stock)
    checkText('resource', resource, 500)
    checkAmount('total', total, 0)
    if (await store.setTotal(tx, this.#nameOf(stock, resource), total)) return
    const message = `More than ${total} of ${stock.name} are taken already; the total stays as it was.`
    throw holdsError('HF_HOLDS_SOLD_OUT', message, { details: { total } })
  }

  async addUnits(tx: Tx, units: Units, resource: string, names: readonly string[]): Promise<number> {
    this.#idOf(units)
    refuseTable(units)
    for (const name of [resource, ...names]) checkText('unit', name, 500)
    return await store.addUnits(tx, this.#nameOf(units, resource), names)
  }

  async totals(from: Stock | Units, resource: string): Promise<Totals> {
    const found = await store.readTotals(this.#db, this.#idOf(from), this.#nameOf(from, resource))
    if (found === undefined) throw describeUnknown(from, resource)
    return { free: Number(found.free), held: Number(found.held) }
  }

  async sweep(): Promise<void> {
    await this.#sweeper.sweep()
  }

  async close(): Promise<void> {
    await this.#sweeper.close()
  }

  #idOf(from: Stock | Units): number {
    const known = this.#sources.get(from.name)
    if (known === undefined)
      throw holdsError('HF_HOLDS_UNKNOWN', `createHolds() was not given a definition ${from.name}.`)
    return known.id
  }

  /** What it is called where it was defined. */
  #nameBack(source: number, resource: string): { from: string; resource: string } {
    const from = [...this.#sources.values()].find(({ id }) => id === source)?.from
    const name = from?.name ?? String(source)
    const isOwn = from !== undefined && from.table === undefined
    return { from: name, resource: isOwn ? resource.slice(name.length + 1) : resource }
  }

  /** In our tables resources of all names lie together. */
  #nameOf(from: Stock | Units, resource: string): string {
    return from.table === undefined ? `${from.name}/${resource}` : resource
  }
}

const refused: Taken = { n: 0, state: 'retry', id: null, expires_at: null, free: null }

const toList = (ids: string | readonly string[]): readonly string[] => (typeof ids === 'string' ? [ids] : ids)

/** The server refused it for what it said: class 22 (data) and 23 (constraints). */
const isOfData = (error: unknown): boolean => /^2[23]/.test(readSqlstate(error) ?? '')

async function translate<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    const known = codes[(readSqlstate(error) ?? '') as keyof typeof codes] as (typeof codes)['HF031'] | undefined
    if (known === undefined) throw error
    throw holdsError(known[0], `${known[1]}: ${(error as Error).message}.`, { cause: error })
  }
}

function toHold(from: Stock | Units, resource: string, { quantity }: Wanted, taken: Taken): Hold {
  return {
    id: taken.id as string,
    from: from.name,
    resource,
    quantity,
    units: taken.units ?? null,
    expiresAt: taken.expires_at as Date,
    isNew: taken.state === 'new',
  }
}

function describeRefusal(from: Stock | Units, resource: string, { quantity }: Wanted, { state, free, units }: Taken) {
  const of = `${from.name} ${resource}`
  if (state === 'unknown') return describeUnknown(from, resource)
  if (state === 'reused')
    return holdsError('HF_HOLDS_KEY_REUSED', `There is a hold of ${of} under this key, for something else.`)
  if (units != null && units.length > 0) {
    const message = `${units.length} of the units of ${of} are not free, or do not exist.`
    return holdsError('HF_HOLDS_TAKEN', message, { details: { units } })
  }
  const left = Number(free ?? 0)
  const message = `${quantity} of ${of} were asked for and ${left} are left.`
  return holdsError('HF_HOLDS_SOLD_OUT', message, { details: { wanted: quantity, left } })
}

function describeUnknown(from: Stock | Units, resource: string) {
  return holdsError('HF_HOLDS_UNKNOWN', `There is no ${from.name} ${resource}.`)
}

function refuseTable(from: Stock | Units): void {
  if (from.table === undefined) return
  throw holdsError(
    'HF_HOLDS_SOURCE',
    `${from.name} lives in a table of yours (${from.table.table}): change its rows there.`,
  )
}
