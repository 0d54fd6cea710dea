import pg from 'pg'
import { describeConnectError } from './connect-errors.js'
import { destroySocket, placeClient, watchClient, watchParameters } from './driver.js'
import { coreError } from './error-table.js'
import { isHoldfastError, type HoldfastError } from './errors.js'
import type { HostAddress } from './host-address.js'
import { readEpoch, type Session } from './store.js'
import type { Epoch, HostRole } from './types.js'

/** What a host said of itself on one connection. */
export interface HostAnswer {
  address: HostAddress
  isStandby: boolean
  /** `default_transaction_read_only`: a primary that refuses writes is none for our purposes. */
  isReadOnly: boolean
  epoch: Epoch
}

export type ServerParameters = ReadonlyMap<string, string>

/** Asks a host on a connection of its own, given up after `hostMs`. Never throws: a reason is an answer too. */
export async function probeHost(
  address: HostAddress,
  config: pg.ClientConfig,
  hostMs: number,
  signal: AbortSignal,
): Promise<HostAnswer | HoldfastError> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 0 })
  watchClient(client)
  placeClient(client, address)
  const parameters = watchParameters(client)
  let isLate = false
  const give = () => destroySocket(client)
  const timer = setTimeout(() => {
    isLate = true
    give()
  }, hostMs)
  signal.addEventListener('abort', give, { once: true })
  try {
    await client.connect()
    return await readAnswer(client, address, parameters)
  } catch (error) {
    return describeHostError(isLate ? new Error('timeout expired') : error, address, client, hostMs)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', give)
    // No orderly end: a host that hangs would keep it open.
    destroySocket(client)
  }
}

/** One round trip, when a connection is made; the role itself came with the login (PostgreSQL 14 and later). */
export async function readAnswer(
  session: Session,
  address: HostAddress,
  parameters: ServerParameters,
): Promise<HostAnswer> {
  const { isRecovering, ...epoch } = await readEpoch(session)
  return {
    address,
    // A pooler in between may not pass the parameter on; what the query saw decides then.
    isStandby: isRecovering || parameters.get('in_hot_standby') === 'on',
    isReadOnly: parameters.get('default_transaction_read_only') === 'on',
    epoch,
  }
}

/** Why a host of this role is not wanted; undefined when it is. */
export function refuseRole(wanted: HostRole, answer: Omit<HostAnswer, 'epoch'>): HoldfastError | undefined {
  const { address, isStandby, isReadOnly } = answer
  const found = isStandby ? 'a standby' : isReadOnly ? 'read only (default_transaction_read_only)' : 'a primary'
  const fits = wanted === 'any' || (wanted === 'standby' ? isStandby : !isStandby && !isReadOnly)
  if (fits) return undefined
  return coreError('HF_HOSTS_WRONG_ROLE', `${address.name} is ${found}; role "${wanted}" is asked for.`, {
    details: { host: address.name, found, wanted },
  })
}

/** Anything that went wrong with a host, as one of ours; never the driver's message, which may hold what was configured. */
export function describeHostError(
  error: unknown,
  address: HostAddress,
  { database = '', user = '' }: pg.Client,
  connectMs: number,
): HoldfastError {
  const { host, port } = address
  const described = describeConnectError(error, { host, port, database, user, connectMs })
  if (isHoldfastError(described)) return described
  return coreError('HF_CONNECT_FAILED', `The connection to ${address.name} failed.`, { cause: error })
}
