// An instance of an API for the experiment exclusive-process: a click starts a heavy export of that user, which must not
// run twice at once. `click` is answered with true (202) or false (409).
import pg from 'pg'
import { connectTo } from '../../core/index.js'
import { createJobs, defineJob } from '../../jobs/index.js'
import { joinExperiment } from '../link.js'

interface Click {
  id: number
  user: number
}

type Serve = (click: Click) => Promise<boolean>

const MOST = 10

let serve: Serve | undefined
const { options, link } = await joinExperiment<{ url: string; side: string }>(
  async (_, click) => await serve?.(click as Click),
)
const pool = new pg.Pool({ connectionString: options.url, max: MOST })
pool.on('error', () => {})

/** The heavy process: the experiment lets it take its time, and sees when it begins and ends. */
async function exportData({ id }: Click): Promise<void> {
  await link.call('begun', id)
  await link.call('ended', id)
}

/** Answered at once, as nobody keeps a connection open for minutes. */
function start(click: Click, finish: () => unknown): true {
  exportData(click)
    .finally(finish)
    .catch(() => {})
  return true
}

const clearFlag = async (user: number) => await pool.query('update account set exporting = false where id = $1', [user])

/** As people write it: look whether it runs, note that it runs, run it, clear the note. */
async function serveNaively(click: Click): Promise<boolean> {
  const { rows } = await pool.query<{ exporting: boolean }>('select exporting from account where id = $1', [click.user])
  if (rows[0]?.exporting) return false
  await pool.query('update account set exporting = true where id = $1', [click.user])
  return start(click, async () => await clearFlag(click.user))
}

/** The same without the race: one statement looks and notes. */
async function serveWithAtomicFlag(click: Click): Promise<boolean> {
  const text = 'update account set exporting = true where id = $1 and not exporting'
  if ((await pool.query(text, [click.user])).rowCount === 0) return false
  return start(click, async () => await clearFlag(click.user))
}

const exporting = new Set<number>()

/** A mutex: right in one process. */
// oxlint-disable-next-line typescript/require-await -- it is one of several that do wait
async function serveWithMutex(click: Click): Promise<boolean> {
  if (exporting.has(click.user)) return false
  exporting.add(click.user)
  return start(click, () => exporting.delete(click.user))
}

/** A session's lock: right, for as long as the export keeps a connection. */
async function serveWithAdvisoryLock(click: Click): Promise<boolean> {
  const client = await pool.connect()
  const text = `select pg_try_advisory_lock(hashtext('export'), $1) as is_locked`
  const { rows } = await client.query<{ is_locked: boolean }>(text, [click.user])
  if (!rows[0]?.is_locked) {
    client.release()
    return false
  }
  return start(click, async () => {
    await client.query(`select pg_advisory_unlock(hashtext('export'), $1)`, [click.user])
    client.release()
  })
}

async function openHoldfast(): Promise<Serve> {
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
  const db = await connectTo({ url: options.url, pool: { max: MOST }, logger })
  const heavy = defineJob<Click>('export', { perKey: 1, handler: async ({ payload }) => await exportData(payload) })
  const jobs = await createJobs(db, { jobs: [heavy], logger })
  await jobs.work({ concurrency: MOST })
  return async (click) => {
    await jobs.send(heavy, click, { key: `user:${click.user}:export` })
    return true
  }
}

const openings: Record<string, () => Serve | Promise<Serve>> = {
  naive: () => serveNaively,
  mutex: () => serveWithMutex,
  'atomic flag': () => serveWithAtomicFlag,
  'advisory lock': () => serveWithAdvisoryLock,
  protected: openHoldfast,
}
serve = await openings[options.side]?.()
await link.call('serving')
