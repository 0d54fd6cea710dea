import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ClientBase } from 'pg'
import { runOutside } from './context.js'
import { Deadlines } from './deadlines.js'
import { createDirectClient, watchClient } from './driver.js'
import { isHoldfastError } from './errors.js'
import { announceInstance, renewInstance, retireInstance, type InstanceRecord } from './instance-store.js'
import { describeAhead, findAhead, isMissing, readApplied, type Release } from './migration-states.js'
import type { PoolGuard } from './pool-guard.js'
import { readSqlstate, sqlstate } from './sqlstate.js'
import { noLead, RunningStatement } from './statement.js'
import { listApplied, type AppliedRow, type Session } from './store.js'
import type { Logger, SchemaState } from './types.js'

export interface InstanceParts {
  guard: PoolGuard
  directUrl: string | undefined
  release: Release
  /** 0: looks once, announces nothing. */
  heartbeatMs: number
  /** Commands that repair a database must not be refused by what they came to repair. */
  isTool: boolean
  logger: Logger
}

/** This process as the database knows it: announced, renewed, and told when the schema has moved past it. */
export class Instance {
  schema: SchemaState = 'missing'
  readonly #parts: InstanceParts
  readonly #record: InstanceRecord
  readonly #deadlines = new Deadlines()
  readonly #limitMs: number
  #isAnnounced = false
  #isOut = false
  #isStarted = false
  #ahead: Error | undefined
  #isClosed = false
  #beating: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(parts: InstanceParts) {
    const { heartbeatMs, release } = parts
    this.#parts = parts
    this.#limitMs = Math.max(1_000, Math.min(5_000, heartbeatMs || 5_000))
    const knows = release.migrations.map(({ name }) => name).reduce((a, b) => (a > b ? a : b), '')
    const self = { id: randomUUID(), host: hostname(), pid: process.pid }
    this.#record = { ...self, package: release.version, knows, heartbeatMs }
  }

  /** @throws HF_MIGRATE_AHEAD */
  async start(): Promise<void> {
    await this.refresh()
    if (this.schema === 'ahead' && !this.#parts.isTool) throw this.#ahead
    this.#isStarted = true
    // Not in the context of the request that happened to connect: it would be kept for ever.
    if (this.#parts.heartbeatMs > 0 && !this.#parts.isTool) runOutside(() => this.#scheduleBeat())
  }

  /** Renews and looks at the schema; never throws. */
  async refresh(): Promise<void> {
    // One in flight may have looked before what the caller wants to see.
    await this.#beating
    await (this.#beating ??= this.#beat().finally(() => (this.#beating = undefined)))
  }

  /** Always sooner than a heartbeat, and not all processes of a deployment at once. */
  #scheduleBeat(): void {
    if (this.#isClosed) return
    const delay = this.#parts.heartbeatMs * (0.7 + 0.3 * Math.random())
    this.#timer = setTimeout(() => void this.refresh().then(() => this.#scheduleBeat()), delay).unref()
  }

  async #beat(): Promise<void> {
    try {
      this.#judge(await this.#withSession((session) => this.#look(session)))
      this.#isOut = false
    } catch (error) {
      if (this.#isClosed) return
      if (!this.#isOut) this.#parts.logger.warn({ err: error }, describeOutage(error))
      this.#isOut = true
    }
  }

  async #look(session: Session): Promise<AppliedRow[]> {
    const { heartbeatMs, isTool } = this.#parts
    if (heartbeatMs === 0 || isTool) return await readApplied(session)
    try {
      return await this.#announceOrRenew(session)
    } catch (error) {
      this.#isAnnounced = false
      if (isMissing(error)) return await readApplied(session)
      // A standby: it can be read, and migrations reach it through its primary.
      if (readSqlstate(error) === sqlstate.readOnlyTransaction) return await listApplied(session)
      throw error
    }
  }

  async #announceOrRenew(session: Session): Promise<AppliedRow[]> {
    const renewed = this.#isAnnounced ? await renewInstance(session, this.#record.id) : []
    const applied = renewed.length > 0 ? renewed : await announceInstance(session, this.#record)
    this.#isAnnounced = true
    return applied
  }

  #judge(applied: readonly AppliedRow[]): void {
    const { release, logger } = this.#parts
    const before = this.schema
    const ahead = findAhead(applied, release)
    this.#ahead = ahead && describeAhead(ahead, release)
    this.schema = this.#ahead ? 'ahead' : compareSchema(applied, release)
    if (this.schema === 'ahead' && before !== 'ahead' && this.#isStarted) {
      logger.error({ err: this.#ahead }, 'The database has moved past this process; holdfast is off here.')
    }
  }

  /** Asks for its connection before it returns, so that the pool may be closed to others right after. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const isKnown = this.#isAnnounced || this.#beating !== undefined
    if (isKnown) await this.#withSession((session) => this.#retire(session)).catch(() => {})
    this.#deadlines.close()
  }

  /** A beat in flight would write the row again. */
  async #retire(session: Session): Promise<void> {
    await this.#beating
    if (this.#isAnnounced) await retireInstance(session, this.#record.id)
  }

  /** A pool whose connections are all busy must not make this process look dead: then one past the pool is used. */
  #withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { guard, directUrl } = this.#parts
    const patience = AbortSignal.timeout(this.#limitMs / 2)
    return new Promise((resolve, reject) => {
      guard.acquire({ waitMs: this.#limitMs, signal: patience }, (refusal, client) => {
        if (client) {
          const done = work(this.#openSession(client)).finally(() => guard.release(client))
          return void done.then(resolve, reject)
        }
        if (!isHoldfastError(refusal, 'HF_QUERY_ABORTED')) return reject(refusal)
        this.#withDirectClient(createDirectClient(directUrl, guard.pool, this.#limitMs), work).then(resolve, reject)
      })
    })
  }

  async #withDirectClient<T>(
    client: ReturnType<typeof createDirectClient>,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    watchClient(client)
    await client.connect()
    try {
      return await work(this.#openSession(client))
    } finally {
      await client.end().catch(() => {})
    }
  }

  #openSession(client: ClientBase): Session {
    const query = (text: string, values: unknown[] = []) =>
      new Promise((resolve, reject) => {
        const startedAt = performance.now()
        const rest = { name: undefined, signal: undefined, lead: noLead, inTransaction: false }
        const statement = { text, values, deadlineMs: this.#limitMs, startedAt, ...rest }
        new RunningStatement(client, statement, this.#deadlines, (error, result) =>
          error === undefined || error === null ? resolve(result) : reject(error),
        ).run()
      })
    return { query: query as Session['query'] }
  }
}

function compareSchema(applied: readonly AppliedRow[], { migrations }: Release): SchemaState {
  if (applied.length === 0) return 'missing'
  const names = new Set(applied.map(({ name }) => name))
  return migrations.every(({ name }) => names.has(name)) ? 'ok' : 'behind'
}

function describeOutage(error: unknown): string {
  const isForbidden = readSqlstate(error) === sqlstate.insufficientPrivilege
  if (isForbidden)
    return 'This role may not use the schema holdfast: run `holdfast migrate --grant-to <role>` as its owner.'
  return 'The heartbeat of this process failed; it is tried again.'
}
