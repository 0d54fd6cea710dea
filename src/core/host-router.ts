import type pg from 'pg'
import { destroySocket, dropIdle, markBroken } from './driver.js'
import { EpochKeeper, isSameEpoch } from './epoch.js'
import { coreError } from './error-table.js'
import type { HoldfastError } from './errors.js'
import type { HostAddress } from './host-address.js'
import { refuseRole, type HostAnswer } from './host-probe.js'
import { describeNoneAcceptable, HostSurvey, judgeHosts } from './host-survey.js'
import { HostWaiters } from './host-waiters.js'
import type { Epoch, EpochChange, HostRole, Logger } from './types.js'

const FIRST_PAUSE_MS = 50
/** A promotion is noticed within this, besides the round itself. */
const LAST_PAUSE_MS = 400
/** A host found and lost again within this long is no success: the pauses go on growing. */
const SETTLED_MS = 1_000

export interface HostRouterParts {
  hosts: readonly HostAddress[]
  role: HostRole
  /** User, password, database, TLS; the host is ours to choose. */
  config: pg.ClientConfig
  hostMs: number
  /** `find` waits this long for an acceptable host. */
  findMs: number
  refusesLowerTimelines: boolean
  logger: Logger
}

/**
 * Knows the one host that new connections go to. Loses it when a connection there breaks or turns out wrong, and then
 * asks all hosts, again and again, until one is acceptable. Costs nothing while nothing happens.
 */
export class HostRouter {
  readonly role: HostRole
  readonly #parts: HostRouterParts
  readonly #epochs: EpochKeeper
  readonly #survey: HostSurvey
  readonly #waiters = new HostWaiters()
  readonly #members = new Map<pg.Client, { epoch: Epoch; isDirect: boolean }>()
  readonly #handlers = new Set<(change: EpochChange) => void>()
  #pool: pg.Pool | undefined
  #current: HostAnswer | undefined
  #last: HostAnswer | undefined
  #refusals: ReadonlyMap<string, HoldfastError> = new Map()
  #isSearching = false
  #isClosed = false
  #wake: (() => void) | undefined
  #surveyedAt = -Infinity
  #settledAt = -Infinity
  #round = 0

  constructor(parts: HostRouterParts) {
    this.role = parts.role
    this.#parts = parts
    this.#epochs = new EpochKeeper(parts.refusesLowerTimelines)
    this.#survey = new HostSurvey(parts)
  }

  /** Its idle clients are dropped when the epoch changes. */
  attach(pool: pg.Pool): void {
    this.#pool = pool
  }

  /** Where new connections go now; undefined while that is not known. */
  get current(): HostAnswer | undefined {
    return this.#current
  }

  /** For `db.server`. */
  describe(): { host: string; role: 'primary' | 'standby'; epoch: Epoch } | undefined {
    const answer = this.#current ?? this.#last
    if (answer === undefined) return undefined
    return { host: answer.address.name, role: answer.isStandby ? 'standby' : 'primary', epoch: answer.epoch }
  }

  /** @throws HF_HOSTS_NONE_ACCEPTABLE and its kin when no host was acceptable in time, HF_POOL_CLOSED */
  async find(): Promise<HostAnswer> {
    if (this.#isClosed) throw describeClosed()
    if (this.#current) return this.#current
    void this.#search()
    return await this.#waiters.wait(this.#parts.findMs, () => this.describeNone())
  }

  /** A connection to this host broke or proved wrong: nobody is sent there again before it has been asked. */
  suspect(address: HostAddress): void {
    if (this.#isClosed || this.#current?.address !== address) return
    this.#current = undefined
    void this.#search()
  }

  /** Takes a new client in, or throws why it must not be used. */
  admit(client: pg.Client, answer: HostAnswer, isDirect: boolean): void {
    const { address, epoch } = answer
    const refusal = this.#epochs.refuse(address.name, epoch) ?? refuseRole(this.role, answer)
    if (refusal) throw refusal
    this.#adopt(answer)
    this.#members.set(client, { epoch, isDirect })
  }

  leave(client: pg.Client): void {
    this.#members.delete(client)
  }

  onEpoch(handler: (change: EpochChange) => void): () => void {
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  describeNone(): HoldfastError {
    return describeNoneAcceptable(this.role, this.#parts.hosts, this.#refusals)
  }

  close(): void {
    this.#isClosed = true
    this.#survey.close()
    this.#wake?.()
    this.#waiters.reject(describeClosed())
  }

  async #search(): Promise<void> {
    if (this.#isSearching) return
    this.#isSearching = true
    if (performance.now() - this.#settledAt > SETTLED_MS) this.#round = 0
    for (; !this.#isClosed && this.#current === undefined; this.#round++) {
      await this.#pause()
      if (this.#isClosed) break
      this.#surveyedAt = performance.now()
      const { chosen, refusals } = judgeHosts(
        this.role,
        this.#parts.hosts,
        await this.#survey.ask(this.#last === undefined),
        this.#epochs,
      )
      this.#refusals = refusals
      if (chosen && !this.#isClosed) this.#settle(chosen)
    }
    this.#isSearching = false
  }

  /** The first round starts at once, unless one has only just ended: a host that answers probes and drops clients must not make a storm. */
  async #pause(): Promise<void> {
    const ms = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 1.5 ** this.#round) * (0.5 + Math.random() / 2)
    const left = this.#surveyedAt + ms - performance.now()
    if (left <= 0 || this.#isClosed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left)
      // Alone it need not keep a process alive that has nothing else to do.
      if (this.#waiters.size === 0) timer.unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  #settle(answer: HostAnswer): void {
    this.#settledAt = performance.now()
    this.#adopt(answer)
    this.#waiters.resolve(answer)
  }

  #adopt(answer: HostAnswer): void {
    this.#current = this.#last = answer
    const change = this.#epochs.adopt(answer.epoch)
    if (change === undefined) return
    this.#parts.logger.warn({ host: answer.address.name, ...change }, 'The database has changed its epoch.')
    for (const [client, member] of this.#members) {
      if (!isSameEpoch(member.epoch, answer.epoch)) this.#retire(client, member.isDirect)
    }
    for (const handler of this.#handlers) this.#tell(handler, change)
  }

  /** Idle ones go at once. A busy one is marked: its transaction cannot commit any more and its release closes it. */
  #retire(client: pg.Client, isDirect: boolean): void {
    this.#members.delete(client)
    markBroken(client)
    if (isDirect) destroySocket(client)
    else if (this.#pool) dropIdle(this.#pool, client)
  }

  #tell(handler: (change: EpochChange) => void, change: EpochChange): void {
    try {
      handler(change)
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'An onEpoch handler threw.')
    }
  }
}

function describeClosed() {
  return coreError('HF_POOL_CLOSED', 'The pool was closed while a host was looked for; nothing was sent.')
}
