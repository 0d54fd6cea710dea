import { createRandom } from 'holdfast/prove'
import { connect } from 'node:net'
import pg from 'pg'
import { wait } from '../invariants.js'

interface BackendKey {
  processID: number
  secretKey: number
}

export interface UnguardedOptions {
  url: string
  /** At most so many statements are aborted. */
  count: number
  seed: number
}

const WORKERS = 4
const CANCEL_REQUEST = 80_877_102

/**
 * The same aborts as people write them: the cancel is sent, and the client goes back to the pool as soon as its statement
 * has ended, without waiting for the server to close the cancel connection. Counts the innocent statements that die.
 */
export async function countWrongCancels({ url, count, seed }: UnguardedOptions): Promise<number> {
  const random = createRandom(seed)
  const pool = new pg.Pool({ connectionString: url, max: WORKERS })
  let next = 0
  let wrong = 0
  const work = async () => {
    while (next++ < count) {
      await abortCarelessly(pool, random)
      const innocent = await Promise.allSettled([pool.query('select pg_sleep(0.002)')])
      wrong += innocent.filter((each) => each.status === 'rejected' && readCode(each.reason) === '57014').length
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  await pool.end()
  return wrong
}

async function abortCarelessly(pool: pg.Pool, random: () => number): Promise<void> {
  const client = await pool.connect()
  const sleepMs = 1 + random() * 4
  const query = client.query('select pg_sleep($1)', [sleepMs / 1_000]).catch(() => {})
  await wait(sleepMs + random() * 2 - 1)
  sendCancel(client)
  await query
  client.release()
}

function sendCancel(client: pg.PoolClient): void {
  const { host, port } = client as unknown as { host: string; port: number }
  const { processID, secretKey } = client as unknown as BackendKey
  const request = Buffer.alloc(16)
  for (const [index, value] of [16, CANCEL_REQUEST, processID, secretKey].entries())
    request.writeInt32BE(value, index * 4)
  const socket = connect({ host, port }, () => socket.write(request))
  socket.on('error', () => {})
}

function readCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
