import { connect, isHoldfastError, type Db } from 'holdfast'
import { createRandom } from 'holdfast/prove'
import { Tally, wait, type ChaosInvariant } from '../invariants.js'
import { watchStops, type StopWatch } from './stop-watch.js'

export interface AbortsOptions {
  /** Through a pooler or not. */
  url: string
  /** The server itself, for the observer. */
  serverUrl: string
  count: number
  seed: number
  /** The server may work for an aborted request this long. Default: 100 ms. */
  stopWithinMs?: number
}

export interface AbortsResult {
  counts: Record<string, number>
  faults: Record<string, number>
  invariants: ChaosInvariant[]
}

const POOL_SIZE = 4
const WORKERS = 8

interface Trial {
  db: Db
  id: number
  random: () => number
  watch: StopWatch
}

type Abort = (trial: Trial) => Promise<unknown>

/** Aborts statements at random instants on a pool that is too small, each followed at once by innocent ones. */
export async function runAborts(options: AbortsOptions): Promise<AbortsResult> {
  const { url, serverUrl, count, seed, stopWithinMs = 100 } = options
  const random = createRandom(seed)
  const db = await connect({ url, directUrl: serverUrl, pool: { max: POOL_SIZE }, acquireMs: 20_000 })
  const watch = await watchStops(serverUrl, stopWithinMs)
  const [outcomes, faults, wrong] = [new Tally(), new Tally(), new Tally()]
  let next = 0
  const work = async () => {
    while (next < count) {
      const trial = { db, id: next++, random, watch }
      const { kind, abort } = pickAbort(random())
      faults.add(kind)
      outcomes.add('aborts that ended as ' + (await settle(abort(trial), wrong)))
      await Promise.all([checkInnocent(trial, wrong), checkInnocent(trial, wrong)])
    }
  }
  try {
    await Promise.all(Array.from({ length: WORKERS }, work))
    const leaked = await countLeaks(db)
    const stops = await watch.close()
    return {
      counts: {
        aborts: count,
        innocents: count * 2,
        ...outcomes.toRecord(),
        [`stops beyond ${stopWithinMs} ms, machine stalls included`]: stops.lateWithStalls,
        slowestStopAfterAbortMs: Math.round(stops.slowestMs),
      },
      faults: faults.toRecord(),
      invariants: [
        { name: 'no innocent statement is cancelled', violations: wrong.get('innocent') },
        { name: 'an aborted statement ends as aborted or as done', violations: wrong.get('outcome') },
        { name: 'no client is leaked by aborts', violations: leaked },
        { name: `the server stops within ${stopWithinMs} ms of an abort`, violations: stops.late },
      ],
    }
  } finally {
    await watch.close()
    await db.close()
  }
}

function pickAbort(dice: number): { kind: string; abort: Abort } {
  if (dice < 0.1) return { kind: 'abort before send', abort: abortBeforeSend }
  if (dice < 0.25) return { kind: 'abort while waiting', abort: abortWhileWaiting }
  if (dice < 0.55) return { kind: 'abort during execution', abort: abortDuring }
  if (dice < 0.85) return { kind: 'abort at the end', abort: abortAtEnd }
  return { kind: 'abort at the first statement of a tx', abort: abortFirstOfTx }
}

async function abortBeforeSend({ db, id }: Trial): Promise<unknown> {
  return await db.query(tag(id, 'select pg_sleep(9)'), [], { signal: AbortSignal.abort() })
}

/** All clients are busy with other workers more often than not. */
async function abortWhileWaiting(trial: Trial): Promise<unknown> {
  return await abortAfter(trial, trial.random() * 2, 9)
}

async function abortDuring(trial: Trial): Promise<unknown> {
  return await abortAfter(trial, 1 + trial.random() * 10, 9)
}

/** The cancel and the end of the statement cross each other: the case in which the next statement used to be hit. */
async function abortAtEnd(trial: Trial): Promise<unknown> {
  const sleepMs = 1 + trial.random() * 5
  return await abortAfter(trial, sleepMs + trial.random() * 2 - 0.5, sleepMs / 1_000)
}

async function abortAfter({ db, id, watch }: Trial, ms: number, seconds: number): Promise<unknown> {
  const caller = new AbortController()
  const query = db.query(tag(id, 'select pg_sleep($1)'), [seconds], { signal: caller.signal })
  const [outcome] = await Promise.allSettled([query, wait(ms).then(() => abort(caller, id, watch))])
  if (outcome.status === 'rejected') throw outcome.reason
  return outcome.value
}

/** Without parameters BEGIN goes ahead on its own: an abort can meet the server between the two. */
async function abortFirstOfTx({ db, id, watch, random }: Trial): Promise<unknown> {
  const caller = new AbortController()
  const body = db.tx(async (tx) => await tx.query(tag(id, 'select pg_sleep(9)')), { signal: caller.signal })
  const [outcome] = await Promise.allSettled([body, wait(random() * 3).then(() => abort(caller, id, watch))])
  if (outcome.status === 'rejected') throw outcome.reason
  return outcome.value
}

function abort(caller: AbortController, id: number, watch: StopWatch): void {
  watch.noteAbort(id)
  caller.abort()
}

function tag(id: number, text: string): string {
  return `/* abort:${id} */ ${text}`
}

async function settle(work: Promise<unknown>, wrong: Tally): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    if (isHoldfastError(error, 'HF_QUERY_ABORTED')) return 'aborted'
    wrong.add('outcome')
    return describe(error)
  }
}

async function checkInnocent({ db, id }: Trial, wrong: Tally): Promise<void> {
  try {
    const { rows } = await db.query<{ id: number }>('select $1::int as id, pg_sleep(0.001)', [id])
    if (rows[0]?.id !== id) wrong.add('innocent')
  } catch (error) {
    wrong.add('innocent')
    process.stderr.write(`an innocent statement failed: ${describe(error)}\n`)
  }
}

function describe(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

/**
 * Each client that does not come back is one; so is each that no longer works. A caller is told of its abort before
 * the cancel connection is closed, and until then its client is busy: that is waited for.
 */
async function countLeaks(db: Db): Promise<number> {
  const deadline = performance.now() + 5_000
  const count = () => db.stats().pool.busy + db.stats().pool.waiting
  while (count() > 0 && performance.now() < deadline) await wait(5)
  const held = count()
  const pids = Array.from({ length: POOL_SIZE }, async () => await db.query('select pg_sleep(0.05)'))
  const failed = (await Promise.allSettled(pids)).filter(({ status }) => status === 'rejected').length
  return held + failed
}
