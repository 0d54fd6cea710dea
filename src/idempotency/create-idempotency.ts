import { setTimeout as sleep } from 'node:timers/promises'
import {
  coreError,
  isHoldfastError,
  readSqlstate,
  stderrLogger,
  validateOptions,
  type Db,
  type Tx,
  type TxOptions,
} from '../core/index.js'
import { decodeResponse, decodeValue, encodeResponse, encodeValue } from './answers.js'
import { idempotencyError } from './errors.js'
import { canonicalize, checkKey, hash, readIdempotencyKey, findIdempotencyKey } from './fingerprint.js'
import { awaitFlight, Flights, WAITED, type Flight } from './flights.js'
import {
  httpRuleTable,
  idempotencyDefaults,
  idempotencyOptionTable,
  messageOptionTable,
  runOptionTable,
} from './options.js'
import * as store from './store.js'
import type { CallKey, HttpRules, Idempotency, IdempotencyOptions, Message, Outcome, RunOptions } from './types.js'
import { Sweeper } from './worker.js'

/** A twin in another process is looked for again after this long, then after twice as long, up to the second. */
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 200

const sqlstates = { twice: 'HF011', inFlight: 'HF012', reused: 'HF013', serialization: '40001' } as const

const BUSY = Symbol('busy')

type Limits = Required<Pick<RunOptions, 'ttlMs' | 'waitMs' | 'maxBytes'>> & Pick<RunOptions, 'signal' | 'deadlineMs'>

/** One thing to be done once. */
interface Attempt {
  id: store.KeyOf
  /** Of the process: scope, principal and key in one. */
  name: string
  fingerprint: Buffer
  limits: Limits
  /** Does it, and gives what is to be stored. */
  effect: (tx: Tx) => Promise<store.Answer>
}

interface Answered {
  answer: store.Answer
  isReplay: boolean
}

/**
 * Requests that may come twice and have one effect and one answer.
 *
 * @throws HF_OPTIONS_UNKNOWN, HF_OPTIONS_INVALID
 */
export function createIdempotency(db: Db, options: IdempotencyOptions = {}): Idempotency {
  validateOptions('createIdempotency', options, idempotencyOptionTable)
  return new IdempotencyOf(db, options)
}

class IdempotencyOf implements Idempotency {
  readonly #db: Db
  readonly #options: IdempotencyOptions
  readonly #flights = new Flights()
  readonly #sweeper: Sweeper

  constructor(db: Db, options: IdempotencyOptions) {
    this.#db = db
    this.#options = options
    this.#sweeper = new Sweeper(db, options.logger ?? stderrLogger)
  }

  async run<T>(call: CallKey, effect: (tx: Tx) => Promise<T>, options: RunOptions = {}): Promise<Outcome<T>> {
    validateOptions('run', options, runOptionTable)
    const limits = this.#limit(options)
    const fingerprint = hash(call.input === undefined ? '' : canonicalize(call.input))
    const { answer, isReplay } = await this.#once(call, fingerprint, limits, async (tx) =>
      encodeValue(call.scope, await effect(tx), limits.maxBytes),
    )
    // As a replay would give it: who compares the two must not find that the first was another kind of thing.
    return { value: decodeValue(answer) as T, isReplay }
  }

  async handle(
    request: Request,
    rules: HttpRules,
    effect: (tx: Tx, request: Request) => Promise<Response>,
  ): Promise<Response> {
    validateOptions('handle', rules, httpRuleTable)
    const { isRequired = true, stores = isStored, maxRequestBytes = idempotencyDefaults.maxRequestBytes } = rules
    const limits = this.#limit(rules)
    const { pathname, search } = new URL(request.url)
    const scope = rules.route ?? `${request.method} ${pathname}`
    const key = isRequired ? readIdempotencyKey(request.headers, scope) : findIdempotencyKey(request.headers)
    const bytes = await readBytes(request, maxRequestBytes, scope)
    let own: Response | undefined
    const respond = async (tx: Tx) => {
      own = await effect(tx, copyRequest(request, bytes))
      if (!stores(own.status)) throw new NotStored()
      return own
    }
    try {
      if (key === undefined) return await this.#db.tx(respond, toTxOptions(limits))
      // The address belongs to the request where the route is a pattern.
      const fingerprint = hash(pathname, search, '\n', bytes)
      const id = { scope, principal: rules.principal, key }
      const { answer, isReplay } = await this.#once(id, fingerprint, limits, async (tx) => {
        const read = await encodeResponse(scope, await respond(tx), limits.maxBytes)
        own = read.response
        return read.answer
      })
      return isReplay || own === undefined ? decodeResponse(answer) : own
    } catch (error) {
      if (error instanceof NotStored && own) return own
      throw error
    }
  }

  async receive(tx: Tx, message: Message): Promise<boolean> {
    validateOptions('receive', message, messageOptionTable)
    const { source, id, body = null, keepMs = idempotencyDefaults.keepMs } = message
    checkKey({ scope: 'inbox', principal: source, key: id })
    this.#sweeper.start()
    try {
      return await store.receive(tx, source, id, body, keepMs)
    } catch (error) {
      const state = readSqlstate(error)
      if (state === sqlstates.inFlight) throw describeInFlight('inbox', 0, error)
      if (state === sqlstates.reused) throw describeReused('inbox', error)
      throw error
    }
  }

  async forget({ scope, principal = '', key }: Pick<CallKey, 'scope' | 'principal' | 'key'>): Promise<boolean> {
    return await store.forget(this.#db, { scope, principal, key })
  }

  async sweep(): Promise<number> {
    return await this.#sweeper.sweep()
  }

  async close(): Promise<void> {
    await this.#sweeper.close()
  }

  #limit({ ttlMs, waitMs, maxBytes, signal, deadlineMs }: RunOptions): Limits {
    const given = this.#options
    return {
      ttlMs: ttlMs ?? given.ttlMs ?? idempotencyDefaults.ttlMs,
      waitMs: waitMs ?? given.waitMs ?? idempotencyDefaults.waitMs,
      maxBytes: maxBytes ?? given.maxBytes ?? idempotencyDefaults.maxBytes,
      ...(signal && { signal }),
      ...(deadlineMs !== undefined && { deadlineMs }),
    }
  }

  /** Does it, waits for a twin that does it, or gives what was answered. */
  async #once(
    { scope, principal = '', key }: CallKey,
    fingerprint: Buffer,
    limits: Limits,
    effect: Attempt['effect'],
  ): Promise<Answered> {
    const id = { scope, principal, key }
    checkKey(id)
    const attempt: Attempt = { id, name: `${scope}\u001f${principal}\u001f${key}`, fingerprint, limits, effect }
    const endsAt = performance.now() + limits.waitMs
    for (;;) {
      limits.signal?.throwIfAborted()
      // Nothing may come between the look and the start: of two that see no twin both would run.
      const twin = this.#flights.find(attempt.name)
      const found = twin ? await this.#join(twin, attempt, endsAt) : await this.#fly(attempt, endsAt)
      if (found !== undefined) return found
    }
  }

  /** Undefined: the twin failed. */
  async #join(twin: Flight, { fingerprint, id, limits }: Attempt, endsAt: number): Promise<Answered | undefined> {
    const landed = await awaitFlight(twin, Math.max(0, endsAt - performance.now()), limits.signal)
    if (landed === WAITED) throw describeInFlight(id.scope, limits.waitMs)
    // Not before: of one that fails the key is as good as new.
    if (landed !== undefined && !twin.fingerprint.equals(fingerprint)) throw describeReused(id.scope)
    return landed && { answer: landed, isReplay: true }
  }

  /** Whoever comes first of this process looks for all of its twins, so that they do not ask the database one by one. */
  async #fly(attempt: Attempt, endsAt: number): Promise<Answered> {
    const { name, fingerprint, limits, id } = attempt
    return await this.#flights.fly(name, fingerprint, async (land) => {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
        const found = await this.#try(attempt)
        if (found !== BUSY) {
          land(found.answer)
          return found
        }
        const leftMs = endsAt - performance.now()
        if (leftMs <= 0) throw describeInFlight(id.scope, limits.waitMs)
        await sleep(Math.min(pauseMs, leftMs), undefined, limits.signal && { signal: limits.signal })
      }
    })
  }

  async #try(attempt: Attempt): Promise<Answered | typeof BUSY> {
    try {
      return await this.#db.tx(async (tx) => await this.#runIn(tx, attempt), toTxOptions(attempt.limits))
    } catch (error) {
      if (mayBeAnswered(error)) return await this.#recall(attempt, error)
      throw error
    }
  }

  /** Never runs the effect again: it was not said that it may be. @throws the error, or that nothing was committed */
  async #recall({ id, fingerprint, limits }: Attempt, error: unknown): Promise<Answered> {
    const endsAt = performance.now() + limits.waitMs
    for (;;) {
      // What broke the connection may be there still: then it is asked again, and at last the error is all there is to say.
      const begun = await this.#db.tx(async (tx) => await store.begin(tx, id)).catch(() => undefined)
      if (begun?.state === 'done') {
        if (!begun.fingerprint.equals(fingerprint)) throw describeReused(id.scope, error)
        return { answer: begun.answer, isReplay: isTwin(error) }
      }
      // Its key is free, so its transaction has ended, and without an answer.
      if (begun?.state === 'new') throw isTwin(error) ? error : describeUndone(error)
      if (performance.now() >= endsAt) throw error
      await sleep(LONGEST_PAUSE_MS, undefined, limits.signal && { signal: limits.signal })
    }
  }

  async #runIn(tx: Tx, { id, fingerprint, limits, effect }: Attempt): Promise<Answered | typeof BUSY> {
    const begun = await store.begin(tx, id)
    if (begun.state === 'busy') return BUSY
    if (begun.state === 'done') {
      if (!begun.fingerprint.equals(fingerprint)) throw describeReused(id.scope)
      return { answer: begun.answer, isReplay: true }
    }
    const answer = await effect(tx)
    tx.beforeCommit(store.keepStatement(id, fingerprint, limits.ttlMs, answer))
    this.#sweeper.start()
    return { answer, isReplay: false }
  }
}

/** The answer leaves nothing behind. */
class NotStored extends Error {}

const isStored = (status: number): boolean => status < 400

/** Under a snapshot from before its commit a twin is met only where the answer is written. */
const isTwin = (error: unknown): boolean =>
  [sqlstates.twice, sqlstates.serialization].some((state) => readSqlstate(error) === state)

/** Somebody may have the answer: a twin, or the server when the connection broke with COMMIT under way. */
const mayBeAnswered = (error: unknown): boolean =>
  isTwin(error) || (isHoldfastError(error, 'HF_TX_OUTCOME_UNKNOWN') && error.cause !== undefined)

function toTxOptions({ signal, deadlineMs }: Limits): TxOptions {
  return { ...(signal && { signal }), ...(deadlineMs !== undefined && { deadlineMs }) }
}

function copyRequest({ url, method, headers, signal }: Request, bytes: Uint8Array): Request {
  const body = bytes.length === 0 ? null : (bytes as Uint8Array<ArrayBuffer>)
  const copy = new Request(url, { method, headers, body })
  // Not one that follows it, which costs as much as all else of the copy.
  return Object.defineProperty(copy, 'signal', { get: () => signal })
}

async function readBytes(request: Request, maxBytes: number, scope: string): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBytes) {
      const message = `The body of a request to ${scope} has more than ${maxBytes} bytes.`
      throw idempotencyError('HF_IDEMPOTENCY_BODY_TOO_LARGE', message, { details: { maxBytes } })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function describeUndone(cause: unknown) {
  const message =
    'The connection broke with COMMIT under way. The key is free and has no answer: nothing was committed.'
  return coreError('HF_QUERY_CONNECTION_LOST', message, { cause })
}

function describeInFlight(scope: string, waitMs: number, cause?: unknown) {
  const message = `A request to ${scope} with this key is still being handled${waitMs > 0 ? ` after ${waitMs} ms` : ''}.`
  return idempotencyError('HF_IDEMPOTENCY_IN_FLIGHT', message, { cause, details: { waitMs } })
}

function describeReused(scope: string, cause?: unknown) {
  const message = `A key of ${scope} was used before with another request.`
  return idempotencyError('HF_IDEMPOTENCY_KEY_REUSED', message, { cause })
}
