import { createServer, request as openRequest, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const VISITS = 8
/** The page's patience: it navigates away. */
const CLIENT_MS = 150
/** One after the other, so that each visit's own delay is seen and not the queue of all. */
const APART_MS = 120
/** How long the report takes on a server that nobody tells. */
const REPORT_SECONDS = 2

const writeReport = (visit: string) => `select pg_sleep(${REPORT_SECONDS}), 'slow report of visit ${visit}' as report`

/** Clients that leave, and how long the database goes on working for each of them afterwards. */
async function abandon(
  stage: Stage,
  report: (visit: string, response: ServerResponse) => Promise<unknown>,
): Promise<Figures> {
  const server = createServer((request, response) => {
    report(request.url?.slice(1) ?? '', response).then(
      () => response.end('done'),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const visits = Array.from({ length: VISITS }, async (_, visit) => await visitBriefly(stage, port, visit))
    const afterMs = await Promise.all(visits)
    const median = afterMs.toSorted((a, b) => a - b)[VISITS >> 1] ?? 0
    return { visits: VISITS, busy_after_ms_median: median, busy_after_ms_highest: Math.max(...afterMs) }
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** Gives how long the visit's query went on after the client had left. */
async function visitBriefly(stage: Stage, port: number, visit: number): Promise<number> {
  await delay(visit * APART_MS)
  const request = openRequest({ port, host: '127.0.0.1', path: `/${visit}` })
  request.on('error', () => {})
  request.end()
  await delay(CLIENT_MS)
  request.destroy()
  const left = performance.now()
  while (await isWorking(stage, visit)) await delay(5)
  const afterMs = Math.round(performance.now() - left)
  await stage.db.sql`insert into outcome values (${visit}, ${afterMs})`
  return afterMs
}

async function delay(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

async function isWorking({ db }: Stage, visit: number): Promise<boolean> {
  const rows = await db.sql`select 1 from pg_stat_activity
    where state = 'active' and query like ${`%slow report of visit ${visit}'%`} and pid <> pg_backend_pid()`
  return rows.length > 0
}

const sides: Side[] = [
  {
    name: 'naive',
    what: 'the handler does not look whether anybody still waits',
    run: async (stage) => await abandon(stage, async (visit) => await stage.pool.query(writeReport(visit))),
  },
  {
    name: 'statement_timeout',
    what: 'the same with statement_timeout = 1s, which ends the patient clients’ reports too',
    run: async (stage) =>
      await abandon(stage, async (visit) => {
        const client = await stage.pool.connect()
        try {
          await client.query(`set statement_timeout = '1s'`)
          await client.query(writeReport(visit))
        } finally {
          client.release()
        }
      }),
  },
  {
    name: 'protected',
    what: 'db.query with a signal that the closed connection aborts',
    run: async (stage) =>
      await abandon(stage, async (visit, response) => {
        const gone = new AbortController()
        response.on('close', () => gone.abort())
        await stage.db.query(writeReport(visit), [], { signal: gone.signal })
      }),
  },
]

export const slowClient: Experiment = {
  name: 'slow-client',
  story: 'The page was slow, so people reloaded it, and each reload left a query running for nobody.',
  setup: 'create table outcome (visit int not null, after_ms int not null);',
  invariants: [
    {
      name: 'the database stops working for a client within 100 ms of its leaving',
      sql: 'select visit, after_ms from outcome where after_ms > 100',
    },
  ],
  sides,
  conclude: (figures) => {
    const after = (side: string) => figures.get(side)?.['busy_after_ms_highest'] ?? 0
    return (
      `After a client had left, naive kept the database busy for up to ${after('naive')} ms, ` +
      `statement_timeout ${after('statement_timeout')} ms, protected ${after('protected')} ms.`
    )
  },
}
