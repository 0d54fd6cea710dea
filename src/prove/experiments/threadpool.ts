import { Histogram } from '../../core/index.js'
import { killAll, startPrograms, type Program } from '../program.js'
import type { Experiment, Figures, Side, Stage } from '../types.js'

const LOGINS = 60
/** What a small file or a name may take at most. */
const PATIENCE_MS = 500

interface Looked {
  took: number[]
  loopMs: number
  slowestLogin: number
}

/** Everybody logs in again at once, as after a deployment, while the process reads a file and looks up a name all the time. */
async function logIn(stage: Stage, side: string, logins: number, env: Record<string, string>): Promise<Figures> {
  const programs = await startPrograms(1, { name: 'login-server', options: { side }, env, onCall: () => {} })
  const server = programs[0] as Program
  try {
    const began = performance.now()
    const results = await Promise.allSettled(Array.from({ length: logins }, async () => await server.call('login')))
    const allMs = performance.now() - began
    const { took, loopMs, slowestLogin } = (await server.call('look')) as Looked
    const failed = results.filter(({ status }) => status === 'rejected').length
    await stage.db.sql`insert into looked select n, ms from unnest(${took}::float8[]) with ordinality t (ms, n)`
    await stage.db.sql`insert into login values (${logins}, ${failed})`
    const latency = new Histogram()
    for (const ms of took) latency.record(ms)
    return {
      logins,
      logins_failed: failed,
      all_in_ms: Math.round(allMs),
      slowest_login_ms: Math.round(slowestLogin),
      reads: took.length,
      read_p50_ms: round(latency.percentileMs(0.5)),
      read_p99_ms: round(latency.percentileMs(0.99)),
      read_highest_ms: Math.round(Math.max(0, ...took)),
      loop_late_highest_ms: Math.round(loopMs),
    }
  } finally {
    await killAll(programs)
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

const describeSides = (logins: number): Side[] =>
  [
    { name: 'naive', what: 'each login hashes its password, asynchronously, as everybody does', env: {} },
    {
      name: 'UV_THREADPOOL_SIZE=16',
      what: 'the same with sixteen threads',
      env: { UV_THREADPOOL_SIZE: '16' },
    },
    { name: 'protected', what: 'createLimiter(), which leaves two threads free', env: {} },
  ].map(({ name, what, env }) => ({
    name,
    what,
    run: async (stage) => await logIn(stage, name, logins, env as Record<string, string>),
  }))

/** With fewer logins for tests. */
export const createThreadpool = (logins = LOGINS): Experiment => ({
  name: 'threadpool',
  story:
    'When people logged in again after a deployment every page hung, at an idle event loop: passwords were hashed on the threads that read files and look up names.',
  setup: `
    create table looked (n int not null, ms float8 not null);
    create table login (asked int not null, failed int not null);`,
  invariants: [
    {
      name: `a small file and a name are there within ${PATIENCE_MS} ms`,
      sql: `select count(*) as late, round(max(ms)) as highest_ms from looked where ms > ${PATIENCE_MS} having count(*) > 0`,
    },
    { name: 'everybody is logged in', sql: 'select * from login where failed > 0' },
  ],
  sides: describeSides(logins),
  conclude: (figures) => {
    const read = (side: string, name: string) => figures.get(side)?.[name] ?? 0
    const highest = (side: string) => `${read(side, 'read_highest_ms')} ms`
    return (
      `While ${logins} people logged in at once, reading a small file and looking up a name took up to ${highest('naive')} with ` +
      `naive (its event loop was late by ${read('naive', 'loop_late_highest_ms')} ms at most), ` +
      `${highest('UV_THREADPOOL_SIZE=16')} with sixteen threads and ${highest('protected')} with protected; all were logged in after ` +
      `${read('naive', 'all_in_ms')}, ${read('UV_THREADPOOL_SIZE=16', 'all_in_ms')} and ${read('protected', 'all_in_ms')} ms.`
    )
  },
})

export const threadpool = createThreadpool()
