import pg, { type Pool } from 'pg'
import { connectTo } from '../../core/index.js'
import { adviseText, watch, type Finding } from '../../watch/index.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

export interface PlanFlipSize {
  /** When it is over; it begins with four sevenths of them. Default: 2 100 000. */
  rows?: number
  /** One row in so many is of the busiest account. Default: 12. */
  busyEvery?: number
  /** Of each session; with fewer rows the planner changes its mind where a sort and a bitmap have less room. Default: the server's. */
  workMem?: string
  /** For each measurement. Default: 300. */
  executions?: number
  /** After so many executions it is no longer waited for the finding. Default: 3 000. */
  mostUntilFound?: number
}

type Size = Required<Omit<PlanFlipSize, 'workMem'>> & Pick<PlanFlipSize, 'workMem'>

const ACCOUNTS = 40_000
/** One execution in so many is for the busiest account: P95 is among those. */
const BUSY_CALLS = 12
const PAUSE_MS = 2

const text = 'select * from trades where user_id = $1 order by created_at desc limit 50'

const ignore = (): void => {}
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }

function sized(url: string, { workMem }: Size, more = ''): string {
  const copy = new URL(url)
  copy.searchParams.set('options', `${workMem === undefined ? '' : `-c work_mem=${workMem} `}${more}`.trim())
  return copy.href
}

/** Rows of one account among those of all others; the newest come last. */
async function fill(pool: Pool, from: number, until: number, { rows, busyEvery }: Size): Promise<void> {
  await pool.query(
    `insert into trades
     select n, case when n % $3 = 0 then 1 else 2 + (n::bigint * 7919) % ${ACCOUNTS} end, 'SYM' || n % 50, 'buy', n % 100, n, 'done',
            repeat('x', 288), 'ref' || n, now() - ($4 - n) * interval '1 second' from generate_series($1::int, $2::int) n`,
    [from, until, busyEvery, rows],
  )
}

const atFirst = ({ rows }: Size): number => Math.round((rows * 4) / 7)

type Ask = (account: number) => Promise<unknown>

const accountOf = (n: number): number => (n % BUSY_CALLS === 0 ? 1 : 2 + ((n * 37) % ACCOUNTS))

/** P95 as a monitoring would show it. @unit ms */
async function measure(ask: Ask, executions: number): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < executions; n++) {
    const startedAt = performance.now()
    await ask(accountOf(n))
    took.push(performance.now() - startedAt)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return took.toSorted((a, b) => a - b)[Math.floor(executions * 0.95)] as number
}

/** Of the table and its indexes, for one page of the busiest account: it is the same on every machine. */
async function countPages(pool: Pool): Promise<number> {
  type Explained = { 'QUERY PLAN': [{ Plan: Record<string, number> }] }
  const { rows } = await pool.query<Explained>(`explain (analyze, buffers, format json) ${text}`, [1])
  const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {}
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}

async function note(stage: Stage, pool: Pool, before: number, after: number): Promise<Figures> {
  const pages = await countPages(pool)
  await stage.pool.query('insert into part values ($1)', [pages])
  return { p95_before_ms: round(before), p95_after_ms: round(after), pages_read: pages }
}

async function runWithPool(stage: Stage, size: Size, after = ''): Promise<Figures> {
  const open = (more: string) => new pg.Pool({ connectionString: sized(stage.url, size, more), max: 1 })
  const first = open('')
  await fill(first, 1, atFirst(size), size)
  await first.query('vacuum analyze trades')
  const before = await measure(async (account) => await first.query(text, [account]), size.executions)
  await fill(first, atFirst(size) + 1, size.rows, size)
  await first.end()
  const second = open(after)
  const grown = await measure(async (account) => await second.query(text, [account]), size.executions)
  const figures = await note(stage, second, before, grown)
  await second.end()
  return figures
}

/** Watched: found while the application goes on, an index advised and built under its traffic. */
async function runWatched(stage: Stage, size: Size): Promise<Figures> {
  const db = await connectTo({ url: sized(stage.url, size), pool: { max: 2 }, logger: silent })
  const found: Finding[] = []
  const watching = await watch(db, { logger: silent, onFinding: (finding) => found.push(finding) })
  const ask: Ask = async (account) => await db.query(text, [account])
  try {
    await fill(db.pool, 1, atFirst(size), size)
    await db.query('vacuum analyze trades')
    const before = await measure(ask, size.executions)
    await fill(db.pool, atFirst(size) + 1, size.rows, size)
    let executions = 0
    while (found.length === 0 && executions < size.mostUntilFound)
      await measure(async () => await ask(accountOf(executions++)), 1)
    const { advice } = await adviseText(db, text, { deadlineMs: 30_000 })
    const [best] = advice
    const built = best ? await buildBeside(stage, best.ddl, ask) : { ms: 0, calls: 0 }
    const after = await measure(ask, size.executions)
    return {
      ...(await note(stage, db.pool, before, after)),
      is_found: found.length > 0 ? 1 : 0,
      executions_until_found: executions,
      is_index_right: best?.columns.join(', ') === 'user_id, created_at desc' ? 1 : 0,
      build_ms: Math.round(built.ms),
      calls_while_building: built.calls,
    }
  } finally {
    await watching.stop()
    await db.close()
  }
}

/** The application does not stand still meanwhile: that is what CONCURRENTLY is for. */
async function buildBeside({ url }: Stage, ddl: string, ask: Ask): Promise<{ ms: number; calls: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const startedAt = performance.now()
  const state = { isBuilding: true }
  const building = client.query(ddl).finally(() => (state.isBuilding = false))
  let calls = 0
  while (state.isBuilding) await measure(async () => await ask(accountOf(calls++)), 1)
  await building
  const ms = performance.now() - startedAt
  await client.end()
  return { ms, calls }
}

const round = (ms: number): number => Math.round(ms * 10) / 10

const describeSides = (size: Size): Side[] => [
  {
    name: 'naive',
    what: 'an index on user_id, as everybody has it, and nobody who watches plans',
    run: async (stage) => await runWithPool(stage, size),
  },
  {
    name: 'old plan forced',
    what: 'the same with enable_seqscan = off, as posts advise it',
    run: async (stage) => await runWithPool(stage, size, '-c enable_seqscan=off'),
  },
  {
    name: 'protected',
    what: 'watch(db) finds the flip, the index that is advised is built concurrently',
    run: async (stage) => await runWatched(stage, size),
  },
]

/** With fewer rows for tests. */
export function createPlanFlip(given: PlanFlipSize = {}): Experiment {
  const size: Size = { rows: 2_100_000, busyEvery: 12, executions: 300, mostUntilFound: 3_000, ...given }
  return {
    name: 'plan-flip',
    story:
      'P95 jumped overnight. No deploy, no change of the infrastructure: the table had grown, and the planner had changed its mind.',
    scratch: 'database',
    setup: `
      create table trades (id bigint, user_id int, symbol text, side text, qty int, price numeric, status text, raw text,
        client_ref text, created_at timestamptz) with (autovacuum_enabled = off);
      create index trades_user_id on trades (user_id);
      create table part (pages bigint not null);`,
    invariants: [
      {
        name: 'a page of fifty rows takes at most a thousand pages of the disk',
        sql: 'select pages from part where pages > 1000',
      },
    ],
    sides: describeSides(size),
    conclude: (figures) => {
      const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
      const p95 = (side: string) => `from ${read(side, 'p95_before_ms')} to ${read(side, 'p95_after_ms')} ms`
      return (
        `As the table grew to ${size.rows} rows, P95 went ${p95('naive')}, with the old plan forced ${p95('old plan forced')}. ` +
        `Watched, the flip was found after ${read('protected', 'executions_until_found')} executions, and with the index that was advised P95 went ${p95('protected')}.`
      )
    },
  }
}

export const planFlip = createPlanFlip()
