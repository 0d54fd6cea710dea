import type { PeerPart, PeerSetting } from '../../harness/peer-contest.js'
import { judgeRatio, summarize } from '../../harness/statistics.js'
import { startSubject, type SubjectProcess } from '../../harness/subjects.js'
import type { Check, Row } from '../../harness/types.js'
import { burn, POOL } from './overload-app.js'

/** An answer counts when it comes within so many times the 99th percentile of the same route when nobody else is there. */
const WITHIN = 3
/** Of capacity. */
const LOAD = 3
const CPU_MS = 6
const ROUNDS = 15
/** A process is as fast as it is for as long as it lives: others take over after so many rounds. */
const ROUNDS_PER_PROCESS = 5

const HOLDFAST = 'holdfast'
const BARE = 'bare'
const modules: Readonly<Record<string, string>> = {
  [HOLDFAST]: 'overload-holdfast',
  'under-pressure': 'overload-under-pressure',
  'under-pressure, tuned': 'overload-under-pressure-tuned',
  [BARE]: 'overload-bare',
}

export const overloadSettings = {
  within: `${WITHIN} × the unloaded P99`,
  load: `${LOAD} × capacity, Poisson, open loop, after a second of it`,
  [HOLDFAST]: 'createAdmission() with its defaults, as a fastify plugin',
  'under-pressure': 'maxEventLoopDelay 1000, maxEventLoopUtilization 0.98, as in its README',
  'under-pressure, tuned': 'sampleInterval 100, maxEventLoopDelay 18, maxEventLoopUtilization 0.98',
}

type Kind = 'cpu' | 'db'

interface Party {
  service: SubjectProcess
  clients: SubjectProcess
}

interface Turn {
  /** Answered 2xx in time, per second. */
  goodput: number
  p99Ms: number
  refusedP50Ms: number
  refusedShare: number
  behindP99Ms: number
}

interface Round {
  capacity: number
  aloneP99Ms: number
  turns: Map<string, Turn>
}

/**
 * What is answered in time at three times what a route can do, and how long that takes: of a route that computes, and of
 * one that waits for PostgreSQL over a small pool.
 */
export const overload: PeerPart = async (setting) => {
  const env = { OVERLOAD_ROUNDS: String(calibrate()) }
  const rows: Row[] = []
  const checks: Check[] = []
  for (const kind of ['cpu', 'db'] as const) {
    const rounds: Round[] = []
    const wanted = setting.input.quick ? 3 : ROUNDS
    while (rounds.length < wanted) rounds.push(...(await runGeneration(setting, kind, env, wanted)))
    rows.push(...describe(kind, rounds))
    checks.push(...judge(kind, rounds))
  }
  return { rows, checks }
}

/** Rounds of hashing that take so long here: the best of many, as another process may have the processor. */
function calibrate(): number {
  const rounds = 50
  const took = Array.from({ length: 30 }, () => {
    const began = performance.now()
    burn(rounds)
    return performance.now() - began
  })
  return Math.ceil((rounds * CPU_MS) / Math.min(...took))
}

async function runGeneration(setting: PeerSetting, kind: Kind, env: Record<string, string>, wanted: number) {
  const { quick, progress } = setting.input
  const parties = new Map<string, Party>()
  const names = Object.keys(modules)
  const rounds: Round[] = []
  try {
    for (const name of names) parties.set(name, await startParty(setting, name, env))
    const bare = parties.get(BARE) as Party
    for (const party of parties.values()) await measureAlone(party, kind, 1_500)
    const aloneMs = await measureAlone(bare, kind, quick ? 2_000 : 4_000)
    const capacity = await findCapacity(bare, kind, WITHIN * aloneMs, quick)
    progress(`${kind}: alone P99 ${aloneMs.toFixed(1)} ms, capacity ${capacity.toFixed(0)}/s`)
    while (rounds.length < Math.min(wanted, ROUNDS_PER_PROCESS)) {
      const aloneP99Ms = await measureAlone(bare, kind, 2_000)
      const turns = new Map<string, Turn>()
      for (const name of rotate(names, rounds.length))
        turns.set(name, await measureOverload(parties.get(name) as Party, kind, LOAD * capacity, aloneP99Ms))
      rounds.push({ capacity, aloneP99Ms, turns })
      const { goodput, p99Ms, behindP99Ms } = turns.get(HOLDFAST) as Turn
      progress(
        `${kind}: ${goodput.toFixed(0)}/s of ${capacity.toFixed(0)}, P99 ${p99Ms.toFixed(1)} of ${aloneP99Ms.toFixed(1)} ms, clients behind by ${behindP99Ms.toFixed(1)} ms`,
      )
    }
    return rounds
  } finally {
    await Promise.all([...parties.values()].map(async ({ clients }) => await clients.close()))
    await Promise.all([...parties.values()].map(async ({ service }) => await service.close()))
  }
}

async function startParty(setting: PeerSetting, name: string, env: Record<string, string>): Promise<Party> {
  const { execPath, databases } = setting
  const start = async (file: string, url: string) =>
    await startSubject(name, new URL(`../../subjects/${file}.js`, import.meta.url), url, 1, execPath, env)
  const service = await start(modules[name] as string, databases.urlOf('all'))
  const { samples: [port] = [] } = await service.run('listen', 0)
  return { service, clients: await start('overload-clients', `http://127.0.0.1:${port}`) }
}

async function measureAlone({ clients }: Party, kind: Kind, ms: number): Promise<number> {
  const { samples = [] } = await clients.run(`${kind}_alone`, ms)
  return findPercentile(samples, 0.99)
}

/** The highest rate whose P99 is within the bound, by halving; of two tries the better one counts, as another process may have the processor. */
async function findCapacity(party: Party, kind: Kind, boundMs: number, quick: boolean): Promise<number> {
  const most = kind === 'cpu' ? 1_000 / CPU_MS : (1_000 / CPU_MS) * POOL
  let low = most / 4
  let high = most
  for (let step = 0; step < 6; step++) {
    const rate = (low + high) / 2
    const ms = quick ? 3_000 : 6_000
    const isWithin =
      (await measureP99(party, kind, rate, ms)) <= boundMs || (await measureP99(party, kind, rate, ms)) <= boundMs
    if (isWithin) low = rate
    else high = rate
  }
  return low
}

/** What is lost counts as late. */
async function measureP99({ clients }: Party, kind: Kind, rate: number, ms: number): Promise<number> {
  await clients.run('aim', rate)
  const { samples = [] } = await clients.run(`${kind}_open`, ms)
  const { operations: lost } = await clients.run('lost', 0)
  await clients.run(`${kind}_alone`, 200)
  return findPercentile([...samples, ...Array<number>(lost).fill(Infinity)], 0.99)
}

async function measureOverload({ clients }: Party, kind: Kind, rate: number, aloneP99Ms: number): Promise<Turn> {
  await clients.run('aim', rate)
  const { samples = [], seconds } = await clients.run(`${kind}_open`, 4_000)
  const { samples: refused = [] } = await clients.run('refused', 0)
  const inTime = samples.filter((ms) => ms <= WITHIN * aloneP99Ms).length
  const { samples: behind = [] } = await clients.run('behind', 0)
  // What is left of the overload must not weigh on the next one's turn.
  await clients.run(`${kind}_alone`, 200)
  return {
    goodput: inTime / seconds,
    p99Ms: findPercentile(samples, 0.99),
    refusedP50Ms: findPercentile(refused, 0.5),
    refusedShare: refused.length / (rate * seconds),
    behindP99Ms: findPercentile(behind, 0.99),
  }
}

function describe(kind: Kind, rounds: readonly Round[]): Row[] {
  const row = (subject: string, metric: string, unit: string, read: (turn: Turn, round: Round) => number) =>
    summarize(
      subject,
      `overload_${kind}_${metric}`,
      unit,
      rounds.map((round) => read(round.turns.get(subject) as Turn, round)),
    )
  const read = (metric: string, unit: string, value: (round: Round) => number) =>
    summarize(BARE, `overload_${kind}_${metric}`, unit, rounds.map(value))
  return [
    read('capacity', 'requests/s', ({ capacity }) => capacity),
    read('alone_p99', 'ms', ({ aloneP99Ms }) => aloneP99Ms),
    ...Object.keys(modules).flatMap((name) => [
      row(name, 'goodput', 'answers/s', ({ goodput }) => goodput),
      row(name, 'goodput_ratio', 'ratio', ({ goodput }, { capacity }) => goodput / capacity),
      row(name, 'p99', 'ms', ({ p99Ms }) => p99Ms),
      row(name, 'p99_ratio', 'ratio', ({ p99Ms }, { aloneP99Ms }) => p99Ms / aloneP99Ms),
      row(name, 'refused_share', 'ratio', ({ refusedShare }) => refusedShare),
      row(name, 'clients_behind_p99', 'ms', ({ behindP99Ms }) => behindP99Ms),
      row(name, 'refused_p50', 'ms', ({ refusedP50Ms }) => refusedP50Ms),
    ]),
  ]
}

/** `overload_goodput` and `overload_p99_over_unloaded` of the route that computes, and with `_db` of the other one. */
function judge(kind: Kind, rounds: readonly Round[]): Check[] {
  const suffix = kind === 'cpu' ? '' : '_db'
  const turnOf = ({ turns }: Round) => turns.get(HOLDFAST) as Turn
  const goodput = rounds.map((round) => turnOf(round).goodput / round.capacity)
  const p99 = rounds.map((round) => turnOf(round).p99Ms / round.aloneP99Ms)
  return [
    judgeRatio(`overload_goodput${suffix}`, goodput, { atLeast: 0.9 }),
    judgeRatio(`overload_p99_over_unloaded${suffix}`, p99, { atMost: 3 }),
  ]
}

function findPercentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
}

function rotate<T>(items: readonly T[], by: number): T[] {
  return items.map((_, index) => items[(index + by) % items.length] as T)
}
