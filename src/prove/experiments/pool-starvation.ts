import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from '../../watch/index.js'
import { killAll, startPrograms, type Program } from '../program.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'
import { Visitors } from '../visitors.js'

/** The payment service has a bad day: usually it takes a tenth of it. */
const SERVICE_MS = 500
const POOL = 10
/** They would need 25 connections at once. */
const PAYMENTS = { arrivals: 60, perSecond: 50 }
const LOOKS = { arrivals: 100, perSecond: 80 }
/** Whoever only looks has nothing to do with the payment service. */
const PATIENCE_MS = SERVICE_MS / 2
const NAME_WITHIN_MS = 10_000

interface Shop {
  program: Program
  port: number
  named: Promise<Finding | undefined>
}

interface Start {
  max?: number
  connectionTimeoutMillis?: number
  isWatched?: boolean
}

/** Somebody else's: slow, and otherwise well. */
async function withService<T>(work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_, response) => void sleep(SERVICE_MS).then(() => response.end('charged')))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

async function withShop<T>(stage: Stage, start: Start, work: (shop: Shop) => Promise<T>): Promise<T> {
  return await withService(async (service) => {
    let port = 0
    let name: (finding: Finding | undefined) => void = () => {}
    const named = new Promise<Finding | undefined>((resolve) => (name = resolve))
    const onCall = (what: string, subject: unknown) => {
      if (what === 'port') port = subject as number
      if (what === 'found' && (subject as Finding).kind === 'starved-pool') name(subject as Finding)
    }
    const options = { url: stage.url, service, max: POOL, isWatched: false, ...start }
    const [program] = await startPrograms(1, { name: 'pay-server', options, onCall })
    const patience = setTimeout(() => name(undefined), NAME_WITHIN_MS)
    try {
      return await work({ program: program as Program, port, named })
    } finally {
      clearTimeout(patience)
      await killAll([program as Program])
    }
  })
}

/** People pay and people look, at instants fixed in advance. */
async function rush(stage: Stage, { port }: Shop, firstPayment: number): Promise<Figures> {
  const { random, signal } = stage
  const visitors = new Visitors()
  try {
    const [payments, looks] = await Promise.all([
      runRush({ ...PAYMENTS, random, signal }, async (n) => {
        await visitors.visit({ port, method: 'POST', path: `/pay/${firstPayment + n}` })
      }),
      runRush({ ...LOOKS, random, signal }, async () => {
        await visitors.visit({ port, method: 'GET', path: '/tickets' })
      }),
    ])
    const read = (figures: Figures, name: string) => figures[name] ?? 0
    return {
      look_p50_ms: read(looks, 'p50_ms'),
      look_p99_ms: read(looks, 'p99_ms'),
      look_failed: read(looks, 'failed'),
      pay_p99_ms: read(payments, 'p99_ms'),
      pay_failed: read(payments, 'failed'),
    }
  } finally {
    visitors.close()
  }
}

async function judge(stage: Stage, figures: Figures, isNamed = false): Promise<Figures> {
  const { look_p99_ms: p99 = 0, look_failed: looks = 0, pay_failed: payments = 0 } = figures
  await stage.db.sql`insert into outcome values (${p99}, ${looks + payments}, ${isNamed})`
  return figures
}

async function runUnwatched(stage: Stage, start: Start): Promise<Figures> {
  return await withShop(stage, start, async (shop) => await judge(stage, await rush(stage, shop, 0)))
}

/** The code of the naive side until the watch tells who holds the connections; then the code that its fix leads to. */
async function runNamed(stage: Stage): Promise<Figures> {
  return await withShop(stage, { isWatched: true }, async (shop) => {
    const startedAt = performance.now()
    let namedMs = 0
    const named = shop.named.then((finding) => {
      namedMs = Math.round(performance.now() - startedAt)
      return finding
    })
    await rush(stage, shop, 0)
    const isNamed = (await named)?.route === 'POST /pay/:id'
    await shop.program.call('outside')
    const figures = await rush(stage, shop, PAYMENTS.arrivals)
    return { ...(await judge(stage, figures, isNamed)), named: isNamed ? 1 : 0, named_after_ms: namedMs }
  })
}

const sides: Side[] = [
  {
    name: 'naive',
    what: `payments are charged inside of their transaction, with a pool of ${POOL}`,
    run: async (stage) => await runUnwatched(stage, {}),
  },
  {
    name: 'bigger pool',
    what: `the same with a pool of ${2 * POOL}`,
    run: async (stage) => await runUnwatched(stage, { max: 2 * POOL }),
  },
  {
    name: 'connection timeout',
    what: `the same with a pool of ${POOL} and connectionTimeoutMillis: ${PATIENCE_MS}`,
    run: async (stage) => await runUnwatched(stage, { connectionTimeoutMillis: PATIENCE_MS }),
  },
  {
    name: 'protected',
    what: 'watch names the route that holds the connections; then it charges while it holds none',
    run: runNamed,
  },
]

export const poolStarvation: Experiment = {
  name: 'pool-starvation',
  story:
    'The payment service became slow, and everything hangs, also what has nothing to do with payments. The database is idle; so is the CPU.',
  setup: `
    create table tickets (id int primary key);
    insert into tickets select generate_series(1, 1000);
    create unlogged table payments (id int primary key, is_paid boolean not null default false);
    create table outcome (look_p99_ms float8 not null, failed int not null, is_named boolean not null);`,
  invariants: [
    {
      name: `whoever looks at tickets does not wait for payments: P99 below ${PATIENCE_MS} ms`,
      sql: `select look_p99_ms from outcome where look_p99_ms >= ${PATIENCE_MS}`,
    },
    { name: 'everybody is answered', sql: 'select failed from outcome where failed > 0' },
    {
      name: 'every payment has ended',
      sql: 'select count(*) as open from payments where not is_paid having count(*) > 0',
    },
    { name: 'the route that holds the connections is named', sql: 'select is_named from outcome where not is_named' },
  ],
  sides,
  conclude: (figures) => {
    const read = (side: string, name: string) => Math.round(figures.get(side)?.[name] ?? 0)
    const p99 = (side: string) => `${read(side, 'look_p99_ms')} ms`
    const failed = read('connection timeout', 'look_failed') + read('connection timeout', 'pay_failed')
    return (
      `A payment took ${SERVICE_MS} ms, and looking at tickets (P99): naive ${p99('naive')}, bigger pool ${p99('bigger pool')}, ` +
      `connection timeout ${p99('connection timeout')} with ${failed} turned away, protected ${p99('protected')}. ` +
      `Watch named the route that held the connections after ${read('protected', 'named_after_ms')} ms.`
    )
  },
}
