import pg from 'pg'
import { bootstrapMedian, findMedian, judgeCount, judgeRatio, straddles, summarize } from '../../harness/statistics.js'
import type { RunningSubject } from '../../harness/subjects.js'
import type { Check, Row } from '../../harness/types.js'
import { readSizes, settleTables } from './job-tables.js'
import { describeSubject, HOLDFAST, type Part, type Setting } from './setting.js'

/** Jobs in one drain, jobs burned before, and how often the whole is done. */
const full = { drained: 100_000, burned: 1_000_000, rounds: 3, mostRounds: 6, waitMs: 60_000 }
const quick = { drained: 20_000, burned: 60_000, rounds: 2, mostRounds: 2, waitMs: 5_000 }
const DRAINS = 3

type Sizes = typeof full

const bound = { atLeast: 0.8 } as const
const holders = [
  {
    name: 'snapshot',
    id: 'held_snapshot_over_fresh',
    // Its first statement takes the snapshot, which then lasts to its end.
    begin: ['begin isolation level repeatable read', 'select count(*) from pg_class'],
  },
  {
    name: 'writer',
    id: 'held_writer_over_fresh',
    begin: ['begin', 'select pg_current_xact_id()'],
  },
] as const

type Holder = (typeof holders)[number]

interface Round {
  fresh: number[]
  burned: number[]
  held: number[]
}

/**
 * A queue whose dead rows cannot be removed, as somebody's old snapshot or open transaction may still see them. A round is
 * three drains of fresh tables, then the jobs burned under the holder, then three drains more. One after the other and
 * not side by side: a transaction with an id holds up every database of its server.
 */
export const held: Part = async (setting) => {
  const sizes = setting.input.quick ? quick : full
  const url = setting.databases.urlOf(HOLDFAST)
  const rows: Row[] = []
  const checks: Check[] = []
  const subject = await describeSubject(setting, HOLDFAST, 1).start()
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  try {
    // Until the process has compiled what it will compile.
    await drainTimes(subject, DRAINS, sizes.drained)
    for (const holder of holders) {
      const rounds = await runRounds(setting, holder, sizes, { subject, admin, url })
      rows.push(...describeRounds(holder, rounds))
      checks.push(judgeRatio(holder.id, rounds.map(heldOverFresh), bound))
    }
    const megabytes = await measureAfter(setting, sizes, { subject, admin, url })
    rows.push(summarize(HOLDFAST, 'held_mb_after', 'MB', [megabytes]))
    checks.push(judgeCount('held_mb_after', megabytes, { atMost: 100 }))
  } finally {
    await admin.end()
    await subject.close()
  }
  return { rows, checks }
}

interface Place {
  subject: RunningSubject
  admin: pg.Client
  url: string
}

async function runRounds(setting: Setting, holder: Holder, sizes: Sizes, place: Place): Promise<Round[]> {
  const { progress } = setting.input
  const rounds: Round[] = []
  for (let wanted = sizes.rounds; ; wanted *= 2) {
    while (rounds.length < wanted) {
      const round = await runRound(holder, sizes, place)
      rounds.push(round)
      progress(`${holder.id}: round ${rounds.length} of ${wanted}, ${describeRound(round)}`)
    }
    if (wanted >= sizes.mostRounds || !straddles(bound, bootstrapMedian(rounds.map(heldOverFresh)))) return rounds
  }
}

async function runRound(holder: Holder, sizes: Sizes, place: Place): Promise<Round> {
  await freshen(place)
  const fresh = await drainTimes(place.subject, DRAINS, sizes.drained)
  const end = await hold(place.url, holder)
  try {
    const burned = await burn(place.subject, sizes)
    return { fresh, burned, held: await drainTimes(place.subject, DRAINS, sizes.drained) }
  } finally {
    await end()
  }
}

/** The snapshot ends and a worker goes on without jobs, as in production; what is left is what vacuum and it have left. */
async function measureAfter(setting: Setting, sizes: Sizes, place: Place): Promise<number> {
  const [snapshot] = holders
  setting.input.progress(`held_mb_after: ${sizes.burned} jobs under a snapshot, then ${sizes.waitMs / 1_000} s`)
  await freshen(place)
  const end = await hold(place.url, snapshot)
  await burn(place.subject, sizes)
  const atEnd = await readSizes(place.admin)
  await end()
  await place.subject.run('idle', sizes.waitMs)
  const after = await readSizes(place.admin)
  setting.input.progress(`held_mb_after: ${atEnd.mb} MB at its end, ${after.mb} MB after (${after.largest})`)
  return after.mb
}

async function freshen({ subject, admin }: Place): Promise<void> {
  await subject.run('clear', 0)
  await settleTables(admin)
}

/** Gives what ends it. On a connection without any time limit. */
async function hold(url: string, { begin }: Holder): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const text of begin) await client.query(text)
  return async () => {
    await client.query('rollback')
    await client.end()
  }
}

async function burn(subject: RunningSubject, { burned, drained }: Sizes): Promise<number[]> {
  return await drainTimes(subject, Math.ceil(burned / drained), drained)
}

/** Jobs per second of each drain. */
async function drainTimes(subject: RunningSubject, times: number, amount: number): Promise<number[]> {
  const rates: number[] = []
  for (let n = 0; n < times; n++) {
    const { operations, seconds } = await subject.run('drain_more', amount)
    rates.push(operations / seconds)
  }
  return rates
}

function heldOverFresh({ fresh, held: under }: Round): number {
  return findMedian(under) / findMedian(fresh)
}

function describeRound(round: Round): string {
  const [fresh, under] = [round.fresh, round.held].map((rates) => Math.round(findMedian(rates)))
  return `${fresh} jobs/s fresh, ${under} held: ${heldOverFresh(round).toFixed(3)}`
}

function describeRounds({ name }: Holder, rounds: readonly Round[]): Row[] {
  const collect = (metric: string, read: (round: Round) => number[]) =>
    summarize(HOLDFAST, metric, 'jobs/s', rounds.flatMap(read))
  return [
    collect(`held_${name}_fresh_rate`, ({ fresh }) => fresh),
    collect(`held_${name}_burn_rate`, ({ burned }) => burned),
    collect(`held_${name}_rate`, ({ held: under }) => under),
  ]
}
