import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from '../../watch/index.js'
import { killAll, startPrograms, type Program } from '../program.js'
import { Visitors, type Visit } from '../visitors.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const CUSTOMERS = 40
/** Requests under way at once. */
const CROWD = 32
const WITHOUT_MS = 800
const WITH_MS = 1_000
/** Until the line has been named, or nobody will name it. */
const PATIENCE_MS = 10_000

interface Shop {
  programs: Program[]
  ports: number[]
  file: string
  /** The line, as soon as the watch of a process has told it. */
  named: Promise<Finding | undefined>
}

async function withShop<T>(
  stage: Stage,
  count: number,
  isWatched: boolean,
  work: (shop: Shop) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-prove-'))
  const file = join(folder, 'audit.jsonl')
  const ports: number[] = []
  let name: (finding: Finding | undefined) => void = () => {}
  const named = new Promise<Finding | undefined>((resolve) => (name = resolve))
  const onCall = (what: string, subject: unknown) => {
    if (what === 'port') ports.push(subject as number)
    if (what === 'found' && isTheLine(subject as Finding)) name(subject as Finding)
  }
  const options = { url: stage.url, file, isWatched }
  const programs = await startPrograms(count, { name: 'audit-server', options, onCall })
  const patience = setTimeout(() => name(undefined), PATIENCE_MS)
  try {
    return await work({ programs, ports, file, named })
  } finally {
    clearTimeout(patience)
    await killAll(programs)
    await rm(folder, { recursive: true, force: true })
  }
}

/** File, line and route, of the call that takes the time. */
function isTheLine({ kind, subject, route, sentence }: Finding): boolean {
  return (
    kind === 'sync-call' &&
    route === 'POST /orders/:customer' &&
    sentence.startsWith('crypto.pbkdf2Sync ') &&
    /(^|\/)audit-log\.[jt]s:\d+$/.test(subject)
  )
}

async function tellAll({ programs }: Shop, what: string, subject?: unknown): Promise<number[]> {
  return (await Promise.all(programs.map(async (program) => await program.call(what, subject)))) as number[]
}

/** The same load without the log and with it. */
async function compare(stage: Stage, shop: Shop, log: string): Promise<Figures> {
  const visitors = new Visitors()
  const pick = (n: number): Visit => ({
    port: shop.ports[n % shop.ports.length] as number,
    method: 'POST',
    path: `/orders/${n % CUSTOMERS}`,
  })
  const order = async (ms: number) => await visitors.crowd(CROWD, ms, pick)
  try {
    // Code is compiled and connections are opened, on every side alike.
    await order(WITHOUT_MS / 2)
    const without = await order(WITHOUT_MS)
    await tellAll(shop, 'audit', log)
    await Promise.all(
      Array.from({ length: CUSTOMERS * shop.ports.length }, async (_, n) => await visitors.visit(pick(n))),
    )
    await stage.db.query('truncate orders')
    const linesBefore = await countLines(shop)
    const audited = await order(WITH_MS)
    const loops = await tellAll(shop, 'settle')
    const lines = (await countLines(shop)) - linesBefore
    await stage.db.sql`insert into outcome (per_second_without, per_second, p99_ms_without, p99_ms, lines)
      values (${without.perSecond}, ${audited.perSecond}, ${without.p99Ms}, ${audited.p99Ms}, ${lines})`
    return {
      per_second_without: without.perSecond,
      per_second: audited.perSecond,
      p99_ms_without: without.p99Ms,
      p99_ms: audited.p99Ms,
      loop_percent: Math.max(...loops),
    }
  } finally {
    visitors.close()
  }
}

async function countLines(shop: Shop): Promise<number> {
  await tellAll(shop, 'settle')
  const text = await readFile(shop.file, 'utf8').catch(() => '')
  return text.split('\n').length - 1
}

async function runUnwatched(stage: Stage, processes: number, log: string): Promise<Figures> {
  return await withShop(stage, processes, false, async (shop) => await compare(stage, shop, log))
}

/** First the code of the naive side, until its line is named; then the code that the finding leads to. */
async function runNamed(stage: Stage): Promise<Figures> {
  return await withShop(stage, 1, true, async (shop) => {
    const { line, afterMs } = await nameLine(shop)
    const figures = await compare(stage, shop, 'batched')
    await stage.db.sql`update outcome set named_line = ${line}`
    return { ...figures, named_line: line, named_after_ms: afterMs }
  })
}

async function nameLine(shop: Shop): Promise<{ line: number; afterMs: number }> {
  const visitors = new Visitors()
  const startedAt = performance.now()
  await tellAll(shop, 'audit', 'sync')
  const over = new AbortController()
  const order = async () => {
    while (!over.signal.aborted)
      await visitors.visit({ port: shop.ports[0] as number, method: 'POST', path: '/orders/1' })
  }
  const orders = [order(), order()]
  const finding = await shop.named
  const afterMs = Math.round(performance.now() - startedAt)
  over.abort()
  await Promise.all(orders)
  visitors.close()
  await tellAll(shop, 'audit', 'none')
  return { line: Number(finding?.subject.split(':').at(-1) ?? 0), afterMs }
}

const sides: Side[] = [
  {
    name: 'naive',
    what: 'a middleware writes an audit line with pbkdf2Sync and appendFileSync',
    run: async (stage) => await runUnwatched(stage, 1, 'sync'),
  },
  {
    name: 'two processes',
    what: 'the same in two processes: a second event loop, blocked like the first',
    run: async (stage) => await runUnwatched(stage, 2, 'sync'),
  },
  {
    name: 'await',
    what: 'the asynchronous twins of both, awaited: the loop is free, the work stays',
    run: async (stage) => await runUnwatched(stage, 1, 'async'),
  },
  {
    name: 'protected',
    what: 'watch names line and route; then each customer is hashed once, aside, and lines are written together',
    run: runNamed,
  },
]

export const syncOverAsync: Experiment = {
  name: 'sync-over-async',
  story:
    'It works locally and passes tests. Under load the API answers a few requests a second, and the database has nothing to do. Two calls are hidden in a logging middleware.',
  setup: `
    create unlogged table orders (id bigint generated always as identity primary key, customer int not null);
    create table outcome (per_second_without float8 not null, per_second float8 not null, p99_ms_without float8 not null,
      p99_ms float8 not null, lines int not null, named_line int not null default 0);`,
  invariants: [
    {
      name: 'with the audit log at least a third of the requests a second are left',
      sql: 'select per_second_without, per_second from outcome where per_second < per_second_without / 3',
    },
    {
      name: 'every order that was answered has a line',
      sql: 'select (select count(*) from orders) as orders, lines from outcome where lines <> (select count(*) from orders)',
    },
    { name: 'the line that blocks is named', sql: 'select named_line from outcome where named_line = 0' },
  ],
  sides,
  conclude: (figures) => {
    const describe = (side: string) => {
      const { per_second: per = 0, per_second_without: without = 0, p99_ms: p99 = 0 } = figures.get(side) ?? {}
      return `${per} of ${without} requests a second (P99 ${p99} ms)`
    }
    const { named_after_ms: afterMs = 0, named_line: line = 0 } = figures.get('protected') ?? {}
    return (
      `With the audit log there are left: naive ${describe('naive')}, two processes ${describe('two processes')}, await ` +
      `${describe('await')}, protected ${describe('protected')}. Watch named line ${line} of audit-log.js and its route after ${afterMs} ms.`
    )
  },
}
