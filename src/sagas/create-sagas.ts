import { randomBytes, randomUUID } from 'node:crypto'
import {
  fitSchema,
  splitArguments,
  stderrLogger,
  validateOptions,
  type Db,
  type Logger,
  type Tx,
} from '../core/index.js'
import { checkName, type AnyDefinition } from './define-saga.js'
import { sagasError } from './errors.js'
import { Ends } from './ends.js'
import { Hints } from './hints.js'
import { inspectSagas } from './inspect.js'
import type { SagasInspector } from './inspect-types.js'
import { describeMissing, operateSagas, type SagasOperator } from './operate.js'
import { resultOptionTable, sagaDefaults, sagaWorkOptionTable, startOptionTable } from './options.js'
import { decode, encode } from './payload.js'
import type { StartRow } from './records.js'
import type { Run } from './run.js'
import type { Leaving } from './run-types.js'
import { viewStatus } from './status.js'
import * as store from './store.js'
import type {
  ActionOptions,
  ResultOptions,
  SagaDefinition,
  Sagas,
  SagasOptions,
  SagaState,
  SagaStatus,
  SignalOptions,
  Started,
  StartOptions,
  Stranded,
  Worker,
  WorkOptions,
} from './types.js'
import { SagaWorker } from './worker.js'

const idPattern = /^[\x21-\x7e]{1,150}$/
/** Somebody uses the id and has not committed yet, or never will. */
const START_TRIES = 3
const LIST_MOST = 1_000

/**
 * Makes a process's sagas known to the database, to start them and to run them.
 *
 * @example
 * const sagas = await createSagas(db, { sagas: [checkout] })
 * await sagas.work()
 * await sagas.start(checkout, { orderId: '7' }, { id: 'order:7' })
 * @throws HF_SAGAS_NAME, HF_CONNECT_…
 */
export async function createSagas(db: Db, { sagas, logger = stderrLogger }: SagasOptions): Promise<Sagas> {
  const definitions = new Map<number, AnyDefinition>()
  const seen = new Set<string>()
  for (const definition of sagas as readonly object[] as readonly AnyDefinition[]) {
    const { name, version, keepMs } = definition
    if (seen.has(`${version} ${name}`))
      throw sagasError('HF_SAGAS_NAME', `Two definitions are of saga ${name}, version ${version}.`)
    seen.add(`${version} ${name}`)
    definitions.set(await store.register(db, name, version, keepMs), definition)
  }
  return new ProcessSagas(db, definitions, logger)
}

class ProcessSagas implements Sagas {
  readonly inspect: SagasInspector
  readonly #db: Db
  readonly #definitions: ReadonlyMap<number, AnyDefinition>
  readonly #kinds = new Map<object, number>()
  readonly #logger: Logger
  readonly #hints: Hints
  readonly #operator: SagasOperator
  readonly #workers = new Set<SagaWorker>()
  readonly #ends: Ends
  readonly #isPrepared: boolean

  constructor(db: Db, definitions: ReadonlyMap<number, AnyDefinition>, logger: Logger) {
    this.#db = db
    this.#definitions = definitions
    this.#logger = logger
    this.inspect = inspectSagas(db)
    this.#isPrepared = db.server.pooler === 'none'
    for (const [kind, definition] of definitions) this.#kinds.set(definition, kind)
    this.#ends = new Ends(db, (id) =>
      [...this.#workers].map((worker) => worker.find(id)).find((run) => run !== undefined),
    )
    this.#hints = new Hints(db, logger, (id, what) => {
      for (const worker of this.#workers) worker.hear(id, what)
    })
    this.#operator = operateSagas(db, (id, what) => this.#hints.tell(id, what))
  }

  async start(...args: unknown[]): Promise<Started> {
    const [tx, saga, input, options = {}] = splitArguments<[AnyDefinition, unknown, StartOptions?]>(args)
    validateOptions('start', options, startOptionTable)
    const kind = this.#kinds.get(saga)
    if (kind === undefined)
      throw sagasError('HF_SAGAS_UNKNOWN', `A saga ${saga.name} was started; createSagas() was not given it.`)
    const { id = randomUUID() } = options
    checkId(id)
    const text = await this.#encodeInput(saga, input)
    const token = randomBytes(8).readBigInt64BE().toString()
    const record = { id, kind, token, doing: [], input: text, timeoutMs: saga.timeoutMs }
    for (let left = START_TRIES; left > 0; left--) {
      const row = await this.#startOnce(tx, saga, kind, record)
      if (row.is_new === null) continue
      if (!row.is_new && !row.is_same)
        throw sagasError('HF_SAGAS_ID_REUSED', `Saga ${id} was started with another input, or is another saga.`)
      return { id, isNew: row.is_new }
    }
    throw sagasError(
      'HF_SAGAS_PENDING',
      `Saga ${id} was being started by others, ${START_TRIES} times, that did not commit.`,
    )
  }

  async #startOnce(
    tx: Tx | undefined,
    saga: AnyDefinition,
    kind: number,
    record: Parameters<typeof store.start>[2][number],
  ): Promise<StartRow> {
    const worker = tx ? undefined : [...this.#workers].find((each) => each.canRun(kind))
    if (worker) return await worker.begin(saga, kind, record, decode(record.input))
    const [row] = await store.start(tx ?? this.#db, null, [record], this.#isPrepared && !tx)
    if (row?.is_new) this.#tellIn(tx, record.id, 'start')
    return row as StartRow
  }

  async #encodeInput(saga: AnyDefinition, input: unknown): Promise<string | undefined> {
    let value = input
    if (saga.input) {
      const fitting = await fitSchema(saga.input, input)
      if ('paths' in fitting) {
        const message = `The input of saga ${saga.name} does not fit its schema at ${fitting.paths.join(', ')}.`
        throw sagasError('HF_SAGAS_INPUT_INVALID', message, { details: { saga: saga.name, paths: fitting.paths } })
      }
      value = fitting.value
    }
    return encode(value, `The input of saga ${saga.name}`, saga.maxBytes, 'HF_SAGAS_INPUT_INVALID')
  }

  async signal(...args: unknown[]): Promise<boolean> {
    const [tx, id, event, payload, options = {}] = splitArguments<[string, string, unknown, SignalOptions?]>(args)
    checkName('An event', event)
    const text = encode(payload, `Signal ${event}`, sagaDefaults.maxBytes, 'HF_SAGAS_INPUT_INVALID')
    const { state, isNew } = await store.signal(tx ?? this.#db, id, event, text, options.key)
    if (state === null) throw describeMissing(id)
    if (isNew) this.#tellIn(tx, id, 'signal')
    return isNew
  }

  #tellIn(tx: Tx | undefined, id: string, what: string): void {
    if (!tx) this.#hints.tell(id, what)
    // A transaction of another library: nobody tells us of its commit, so it is found by polling.
    else if (tx.seesCommit) tx.afterCommit(() => this.#hints.tell(id, what))
  }

  async get(id: string): Promise<SagaStatus | undefined> {
    const row = await store.findStatus(this.#db, id)
    return row && viewStatus(row)
  }

  async list(filter: { state?: SagaState; name?: string; limit?: number } = {}): Promise<SagaStatus[]> {
    const { state = 'stuck', name = null, limit = 50 } = filter
    return (await store.list(this.#db, state, name, Math.min(limit, LIST_MOST))).map(viewStatus)
  }

  async result(_: SagaDefinition<never, unknown>, id: string, options: ResultOptions = {}): Promise<never> {
    validateOptions('result', options, resultOptionTable)
    const { waitMs = 30_000, until = 'ended', signal } = options
    signal?.throwIfAborted()
    return (await this.#ends.result(id, { waitMs, until, signal })) as never
  }

  async cancel(id: string, options?: ActionOptions): Promise<boolean> {
    return await this.#operator.cancel(id, options)
  }

  async retry(id: string, options?: ActionOptions): Promise<boolean> {
    return await this.#operator.retry(id, options)
  }

  async skipUndo(id: string, step: string, reason: string, options?: Pick<ActionOptions, 'actor'>): Promise<void> {
    await this.#operator.skipUndo(id, step, reason, options)
  }

  async findStranded(): Promise<Stranded[]> {
    return await store.listStranded(this.#db)
  }

  async work(options: WorkOptions = {}): Promise<Worker> {
    validateOptions('work', options, sagaWorkOptionTable)
    const { concurrency = 100, leaseMs = 15_000, pollMs = 500, graceMs = 5_000, signal } = options
    signal?.throwIfAborted()
    await this.#hints.listen()
    const worker: SagaWorker = await SagaWorker.start({
      db: this.#db,
      logger: this.#logger,
      definitions: this.#definitions,
      isPrepared: this.#isPrepared,
      concurrency,
      leaseMs,
      pollMs,
      graceMs,
      onLeft: (run, how) => this.#noteLeft(run, how),
      onUndoing: (run) => this.#ends.note(run, 'undoing'),
      onStopped: () => {
        this.#workers.delete(worker)
        this.#hints.tell('', 'start')
      },
    })
    this.#workers.add(worker)
    const stop = () => void worker.stop()
    signal?.addEventListener('abort', stop, { once: true })
    // Aborted while it was starting, when nobody listened yet.
    if (signal?.aborted) stop()
    await this.#warnOfStranded()
    return worker
  }

  #noteLeft(run: Run, how: Leaving): void {
    if (how === 'handed') this.#hints.tell(run.id, 'start')
    this.#ends.note(run, how)
  }

  /** Never silently pending: what no live process has the code of is told at boot. */
  async #warnOfStranded(): Promise<void> {
    for (const { name, version, amount } of await this.findStranded()) {
      const fields = { saga: name, version, amount }
      this.#logger.warn(fields, 'Sagas are under way of which no live process has the code; register this version too.')
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map(async (worker) => await worker.stop()))
    await this.#hints.close()
  }
}

/** @throws HF_SAGAS_ID */
function checkId(id: string): void {
  if (!idPattern.test(id))
    throw sagasError('HF_SAGAS_ID', 'An id of a saga has 1 to 150 printable ASCII characters, and no spaces.')
}
