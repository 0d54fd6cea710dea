import type pg from 'pg'
import type { AdviceAsk, AdvicePool } from './types.js'

/** Asks on the one client that advice has. */
export type Asker = <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) => Promise<Row[]>

/** Its time is over; what is known by then is told. */
export class OutOfTime extends Error {}

const DEADLINE_MS = 10_000

/** No statement of ours runs longer, whatever else goes wrong. @unit ms */
export const STATEMENT_MS = 2_000

/**
 * One client for `body`, closed when it is over: nothing that was set on it goes to somebody else.
 * @throws the signal's reason, OutOfTime, what `body` throws
 */
export async function withSession<T>(
  pool: AdvicePool,
  { signal, deadlineMs = DEADLINE_MS }: Pick<AdviceAsk, 'signal' | 'deadlineMs'>,
  body: (ask: Asker) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const { ended, clear } = limitTime(signal, deadlineMs)
  const connecting = pool.connect()
  const client = await Promise.race([connecting, ended]).catch((error: unknown) => {
    clear()
    // A client that comes too late is given back.
    connecting.then((late) => late.release(true)).catch(() => {})
    throw error
  })
  client.on('error', ignore)
  const ask: Asker = async (text, values) => {
    const answer = client.query(text, values as unknown[])
    answer.catch(ignore)
    return (await Promise.race([answer, ended])).rows as never[]
  }
  try {
    return await body(ask)
  } finally {
    clear()
    client.release(true)
  }
}

const ignore = (): void => {}

function limitTime(signal: AbortSignal | undefined, deadlineMs: number) {
  const { promise: ended, reject } = makePromise()
  const abort = () => reject(signal?.reason)
  const timer = setTimeout(() => reject(new OutOfTime()), deadlineMs)
  signal?.addEventListener('abort', abort, { once: true })
  ended.catch(ignore)
  const clear = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
  return { ended, clear }
}

function makePromise(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = ignore
  const promise = new Promise<never>((_, no) => {
    reject = no
  })
  return { promise, reject }
}
