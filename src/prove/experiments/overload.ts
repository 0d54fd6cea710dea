import { Agent, request as openRequest } from 'node:http'
import { Histogram } from '../../core/index.js'
import { killAll, startPrograms } from '../program.js'
import { runRush } from '../rush.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

/** What the page takes; a process answers so many at most, and about 0.6 of that before they wait for each other. */
const PAGE_MS = 5
const PER_SECOND = 3 * 0.6 * (1_000 / PAGE_MS)
const SECONDS = 2
/** People go on waiting for so long, and then leave. */
const PATIENCE_MS = 1_000
/** An answer is worth something within so long. */
const WORTH_MS = 250
/** Of what the process could answer at most. */
const LEAST_SHARE = 0.25

interface Visit {
  status: number
  ms: number
}

/** Three times as many come as can be answered. Whoever is not answered within a second leaves. */
async function comeTooMany(stage: Stage, side: string, seconds: number): Promise<Figures> {
  const programs = await startPrograms(1, { name: 'render-server', options: { side }, onCall: () => {} })
  const agent = new Agent({ keepAlive: true })
  try {
    const port = (await programs[0]?.call('port')) as number
    const visits: Visit[] = []
    for (let n = 0; n < 20; n++) await visit(agent, port)
    const arrivals = Math.round(PER_SECOND * seconds)
    await runRush({ ...stage, arrivals, perSecond: PER_SECOND }, async () => void visits.push(await visit(agent, port)))
    await writeDown(stage, visits, seconds)
    return describe(visits, seconds)
  } finally {
    agent.destroy()
    await killAll(programs)
  }
}

/** Status 0: it had left. */
async function visit(agent: Agent, port: number): Promise<Visit> {
  const began = performance.now()
  const status = await new Promise<number>((resolve) => {
    const request = openRequest({ port, host: '127.0.0.1', agent }, (response) => {
      response.resume()
      response.once('close', () => {
        clearTimeout(timer)
        resolve(response.complete ? (response.statusCode ?? 0) : 0)
      })
    })
    const timer = setTimeout(() => request.destroy(), PATIENCE_MS)
    request.once('error', () => {
      clearTimeout(timer)
      resolve(0)
    })
    request.end()
  })
  return { status, ms: performance.now() - began }
}

async function writeDown({ db }: Stage, visits: Visit[], seconds: number): Promise<void> {
  const [statuses, took] = [visits.map(({ status }) => status), visits.map(({ ms }) => ms)]
  await db.sql`insert into visit select * from unnest(${statuses}::int[], ${took}::float8[])`
  await db.sql`insert into possible values (${Math.round((seconds * 1_000) / PAGE_MS)})`
}

function describe(visits: Visit[], seconds: number): Figures {
  const answered = new Histogram()
  const refused = new Histogram()
  for (const { status, ms } of visits) {
    if (status === 200) answered.record(ms)
    else if (status === 503) refused.record(ms)
  }
  const inTime = visits.filter(({ status, ms }) => status === 200 && ms <= WORTH_MS).length
  return {
    visits: visits.length,
    in_time_per_second: round(inTime / seconds),
    in_time: inTime,
    answered: answered.count,
    refused: refused.count,
    left: visits.length - answered.count - refused.count,
    answered_p50_ms: round(answered.percentileMs(0.5)),
    answered_p99_ms: round(answered.percentileMs(0.99)),
    refused_p99_ms: round(refused.percentileMs(0.99)),
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

const describeSides = (seconds: number): Side[] =>
  [
    { name: 'naive', what: 'every request is answered, in the order in which they came' },
    { name: 'limit of 50 at once', what: '503 while fifty are under way' },
    {
      name: 'limit of the loop’s delay',
      what: '503 while the event loop was late by 100 ms at the last look, once a second',
    },
    { name: 'protected', what: 'createAdmission() with its defaults' },
  ].map(({ name, what }) => ({ name, what, run: async (stage) => await comeTooMany(stage, name, seconds) }))

/** For a shorter time in tests. */
export const createOverload = (seconds = SECONDS): Experiment => ({
  name: 'overload',
  story:
    'Three times as many people came as the page can be computed for. For some time it was slow for all of them; then all waited for answers to people who had left.',
  setup: `
    create table visit (status int not null, ms float8 not null);
    create table possible (answers int not null);`,
  invariants: [
    {
      name: `of what can be answered at all ${LEAST_SHARE * 100} % is, within ${WORTH_MS} ms`,
      sql: `select * from (select count(*) filter (where status = 200 and ms <= ${WORTH_MS}) as in_time from visit) v, possible
             where in_time < answers * ${LEAST_SHARE}`,
    },
    {
      name: 'nobody leaves without an answer: 95 % at least are told yes or no',
      sql: `select * from (select count(*) as visits, count(*) filter (where status = 0) as gone from visit) v
             where gone > visits * 0.05`,
    },
  ],
  sides: describeSides(seconds),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    const tell = (side: string) => `${side} ${read(side, 'in_time')} (${read(side, 'left')} left without an answer)`
    return (
      `Of ${read('naive', 'visits')} visits, three times what is possible, so many were answered within ${WORTH_MS} ms: ` +
      `${[...figures.keys()].map(tell).join(', ')}. With protected P99 of an answer was ` +
      `${read('protected', 'answered_p99_ms')} ms.`
    )
  },
})

export const overload = createOverload()
