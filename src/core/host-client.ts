import pg from 'pg'
import { destroySocket, isBroken, markBroken, placeClient, watchClient, watchParameters } from './driver.js'
import { isHoldfastError } from './errors.js'
import { describeHostError, readAnswer, refuseRole } from './host-probe.js'
import type { HostAddress } from './host-address.js'
import type { HostRouter } from './host-router.js'

type ConnectDone = ((error: Error) => void) | ((error: null, client: pg.Client) => void)

export type HostClientClass = new (config?: pg.ClientConfig, isDirect?: boolean) => pg.Client

/**
 * A client that goes where the router says when it connects, and is verified before anybody is handed it: host and role
 * can change between a probe and a login, and a name can lead to another server each time.
 */
export function defineHostClient(router: HostRouter, hostMs: number): HostClientClass {
  return class HostClient extends pg.Client {
    readonly #isDirect: boolean
    readonly #parameters: ReadonlyMap<string, string>
    #isLeaving = false
    #address: HostAddress | undefined

    constructor(config?: pg.ClientConfig, isDirect = false) {
      super({ ...config, connectionTimeoutMillis: hostMs })
      this.#isDirect = isDirect
      watchClient(this)
      this.#parameters = watchParameters(this, (name) => this.#onParameter(name))
      this.once('end', () => this.#onEnd())
    }

    override connect(): Promise<pg.Client>
    override connect(done: ConnectDone): void
    override connect(done?: ConnectDone): Promise<pg.Client> | void {
      const connecting = this.#connectWhereRouted()
      if (done === undefined) return connecting
      const call = done as (error: unknown, client?: pg.Client) => void
      connecting.then(
        (client) => call(null, client),
        (error: unknown) => call(error),
      )
    }

    override end(): Promise<void>
    override end(done: (error: Error) => void): void
    override end(done?: (error: Error) => void): Promise<void> | void {
      this.#isLeaving = true
      return done === undefined ? super.end() : super.end(done)
    }

    async #connectWhereRouted(): Promise<pg.Client> {
      const { address } = await router.find()
      placeClient(this, address)
      try {
        await super.connect()
        await this.#verify(address)
      } catch (error) {
        this.#isLeaving = true
        destroySocket(this)
        router.suspect(address)
        throw isHoldfastError(error) ? error : describeHostError(error, address, this, hostMs)
      }
      this.#address = address
      return this
    }

    async #verify(address: HostAddress): Promise<void> {
      const isStandby = this.#parameters.get('in_hot_standby') === 'on'
      const isReadOnly = this.#parameters.get('default_transaction_read_only') === 'on'
      // Known since the login: not even the round trip is spent on it.
      const refusal = isStandby ? refuseRole(router.role, { address, isStandby, isReadOnly }) : undefined
      if (refusal) throw refusal
      const timer = setTimeout(() => destroySocket(this), hostMs)
      try {
        const answer = await readAnswer(this, address, this.#parameters)
        router.admit(this, answer, this.#isDirect)
      } finally {
        clearTimeout(timer)
      }
      // Another connection may have brought news of a later epoch while this one was being made.
      if (isBroken(this)) throw new Error('The epoch changed')
    }

    /** Promoted, or demoted by a proxy, under an open connection. */
    #onParameter(name: string): void {
      if (name !== 'in_hot_standby' || this.#address === undefined) return
      markBroken(this)
      router.suspect(this.#address)
    }

    #onEnd(): void {
      router.leave(this)
      if (this.#address !== undefined && !this.#isLeaving) router.suspect(this.#address)
    }
  }
}
