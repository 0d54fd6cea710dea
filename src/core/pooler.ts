import { randomUUID } from 'node:crypto'
import type { Client, ClientBase } from 'pg'
import { readKeyPid, watchClient } from './driver.js'
import { coreError } from './error-table.js'
import { readBackendPid } from './store.js'

/** What stands between this process and the server: nothing, or a pooler that lends a backend per session or per transaction. */
export type Pooler = 'none' | 'session' | 'transaction'

/** A pool without a free backend would let the probe wait for minutes. */
export const PROBE_MS = 2_000

/**
 * Tells what a connected client talks through. A pooler invents the key data of each client, so their pid is not the
 * backend's; only then is a second connection made to tell which kind it is. What cannot be told is taken for
 * `transaction`, under which nothing is promised that a session pooler would break.
 */
export async function detectPooler(
  client: ClientBase,
  backendPid: number,
  createSecond: (queryMs: number) => Client,
): Promise<Pooler> {
  const keyPid = readKeyPid(client)
  if (keyPid === undefined || keyPid === backendPid) return 'none'
  const second = createSecond(PROBE_MS)
  watchClient(second)
  try {
    await second.connect()
    const isLent = (await sharesBackend(client, second)) || !(await hearsNotify(client, second))
    return isLent ? 'transaction' : 'session'
  } catch {
    return 'transaction'
  } finally {
    await second.end().catch(() => {})
  }
}

/** While the second holds a backend, the first either finds its own taken or keeps it: in session mode it always keeps it. */
async function sharesBackend(first: ClientBase, second: ClientBase): Promise<boolean> {
  const own = await readBackendPid(first)
  await second.query('begin')
  const taken = await readBackendPid(second)
  return taken === own || (await readBackendPid(first)) !== own
}

/** A NOTIFY of one's own would be heard through any pooler: it has to come from another session. */
async function hearsNotify(first: ClientBase, second: ClientBase): Promise<boolean> {
  const channel = `hf_probe_${randomUUID()}`
  let heard = false
  const onNotification = (event: { channel: string }) => (heard ||= event.channel === channel)
  first.on('notification', onNotification)
  try {
    await first.query(`listen "${channel}"`)
    await second.query('commit')
    await second.query(`notify "${channel}"`)
    // The server sends what it has for a session before it reads the session's next command.
    await first.query(`unlisten "${channel}"`)
    return heard
  } finally {
    first.removeListener('notification', onNotification)
  }
}

/** For work that lives in the session: refuses a transaction pooler, through which it would silently come to nothing. */
export async function refuseTransactionPooler(
  client: ClientBase,
  work: 'listen' | 'migrate' | 'session',
  createSecond: (queryMs: number) => Client,
): Promise<void> {
  const pooler = await detectPooler(client, await readBackendPid(client), createSecond)
  if (pooler !== 'transaction') return
  if (work === 'listen') {
    const message = 'LISTEN goes through a pooler in transaction mode: it would be accepted, and nothing ever heard.'
    throw coreError('HF_POOLER_LISTEN', message)
  }
  const what = work === 'migrate' ? 'Migrations go' : 'A connection that was to be direct goes'
  const message = `${what} through a pooler in transaction mode, where no session lock can be held.`
  throw coreError('HF_POOLER_SESSION', message)
}

/** PgBouncer before 1.21 knows no prepared statements: the next transaction meets a backend that lacks them, or has another's. */
export function describeNamedStatement(name: string) {
  return coreError(
    'HF_POOLER_NAMED_STATEMENT',
    `The statement was to be prepared as "${name}", but the connection goes through a pooler in transaction mode.`,
  )
}
