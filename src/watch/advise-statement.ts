import type { PoolClient } from 'pg'
import { createDirectClient, type Db } from '../core/index.js'
import {
  adviseIndexes,
  listIndexFaults,
  type Advice,
  type AdviceAsk,
  type AdvicePool,
  type IndexFaults,
} from './advice/index.js'
import { readText } from './inspect-store.js'
import { markSeen } from './observe-query.js'

type Limits = Pick<AdviceAsk, 'signal' | 'deadlineMs'>

const CONNECT_MS = 5_000
/** Longer than any statement of advice may run: the server may have stopped answering. */
const QUERY_MS = 10_000

/** Connections beside the application's pool, of the same user, that nobody watches. */
export function openBeside({ pool }: Pick<Db, 'pool'>): AdvicePool {
  const connect = async () => {
    const client = createDirectClient(undefined, pool, CONNECT_MS, QUERY_MS)
    markSeen(client)
    client.on('error', () => {})
    await client.connect()
    const release = () => void client.end().catch(() => {})
    return Object.assign(client, { release }) as unknown as PoolClient
  }
  return { connect: connect as AdvicePool['connect'] }
}

/** Which index would make a statement faster that was seen, by its id. Values are those that the server knows to be frequent. */
export async function adviseStatement(
  db: Pick<Db, 'pool' | 'query'>,
  id: string,
  limits: Limits = {},
): Promise<Advice> {
  const text = await readText(db, id)
  if (text === undefined) {
    const why = 'Its text is not known here: nobody has seen it for as long as statements are kept.'
    return { advice: [], refused: [{ why }], rewrites: [], notes: [] }
  }
  return await adviseText(db, text, limits)
}

/** The same of a text, with `$n` where its values were. */
export async function adviseText(db: Pick<Db, 'pool'>, text: string, limits: Limits = {}): Promise<Advice> {
  return await adviseIndexes(openBeside(db), { ...limits, text })
}

/** Indexes that cost and give nothing. */
export async function findIndexFaults(db: Pick<Db, 'pool'>, limits: Limits = {}): Promise<IndexFaults> {
  return await listIndexFaults(openBeside(db), limits)
}
