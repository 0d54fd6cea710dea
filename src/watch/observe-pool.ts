import type { Pool, PoolClient } from 'pg'
import { endHold } from './blocking/pool-holds.js'
import { callCheckout, type ConnectFunction } from './observe-checkout.js'
import {
  callObserved,
  isSeen,
  markSeen,
  unmarkSeen,
  type ClientLike,
  type QueryFunction,
  type StatementSink,
} from './observe-query.js'

interface Original {
  query: QueryFunction
  wrapped: QueryFunction
}

export interface PoolObservation {
  /** On that session, without being seen. */
  ask: (client: object, text: string, values: unknown[]) => Promise<{ rows: unknown[] }>
  leave: () => void
}

/**
 * Sees each statement of a pool's clients. It wraps `query` of the client itself, in front of whatever others patched into
 * the driver's prototype (OpenTelemetry, Sentry), and hands on every argument as it came.
 */
export function observePool(pool: Pool, sink: StatementSink, onRelease?: (client: object) => void): PoolObservation {
  const clients = new Map<ClientLike, Original>()
  const onAcquire = (client: PoolClient) => {
    const own = client as unknown as ClientLike
    if (clients.has(own)) return
    const query = own.query
    const wrapped = (...args: unknown[]) => callObserved(own, query, args, sink)
    own.query = wrapped
    markSeen(own)
    clients.set(own, { query, wrapped })
  }
  const onRemove = (client: PoolClient) => void clients.delete(client as unknown as ClientLike)
  pool.on('acquire', onAcquire)
  pool.on('remove', onRemove)
  const onReleased = (_error: unknown, client: PoolClient) => {
    endHold(client)
    onRelease?.(client)
  }
  pool.on('release', onReleased)
  const leaveCheckouts = observeCheckouts(pool)
  const ask: PoolObservation['ask'] = async (client, text, values) => {
    const query = clients.get(client as ClientLike)?.query
    if (query === undefined) throw new Error('The client has left its pool.')
    return (await query.call(client, { text, values })) as { rows: unknown[] }
  }
  const leave = () => {
    pool.off('acquire', onAcquire)
    pool.off('remove', onRemove)
    pool.off('release', onReleased)
    leaveCheckouts()
    for (const [client, { query, wrapped }] of clients) {
      // Whoever wrapped it after us still calls ours: that goes on, and tells nobody.
      if (client.query === wrapped) restore(client, 'query', query)
      unmarkSeen(client)
    }
    clients.clear()
  }
  return { ask, leave }
}

interface PoolLike {
  connect: ConnectFunction
}

function observeCheckouts(pool: PoolLike): () => void {
  const { connect } = pool
  const wrapped = (...args: unknown[]) => callCheckout(pool, connect, args)
  if (isSeen(pool)) return () => {}
  pool.connect = wrapped
  markSeen(pool)
  return () => {
    if (pool.connect === wrapped) restore(pool, 'connect', connect)
    unmarkSeen(pool)
  }
}

function restore<Name extends string>(owner: Record<Name, unknown>, name: Name, original: unknown): void {
  const inherited = (Object.getPrototypeOf(owner) as Record<Name, unknown>)[name]
  if (inherited === original) delete (owner as Partial<Record<Name, unknown>>)[name]
  else owner[name] = original
}
