import pg from 'pg'
import { bootstrapMedian, judgeRatio, straddles, summarize } from '../../harness/statistics.js'
import { startSubject, type RunningSubject } from '../../harness/subjects.js'
import type { Row, Stretch } from '../../harness/types.js'
import { readSizes, settleTables } from './job-tables.js'
import { loadWaiting, type BacklogSizes } from './load-backlog.js'
import { AGAIN, HOLDFAST, rateOf, type Part, type Round, type Setting } from './setting.js'

const full = { ready: 5_000_000, delayed: 5_000_000, dead: 5_000_000, drained: 100_000, pairs: 15, mostPairs: 60 }
const quick = { ready: 200_000, delayed: 100_000, dead: 100_000, drained: 20_000, pairs: 5, mostPairs: 5 }
/** As in pairs.ts: one process may be faster than its twin for as long as it lives. */
const PAIRS_PER_PROCESS = 5
const WARM_UPS = 2

type Sizes = typeof full

const bound = { atLeast: 0.8 } as const
const module = new URL('../../subjects/jobs-holdfast-kept.js', import.meta.url)
const EMPTY = 'empty'
const BACKLOG = 'backlog'

/**
 * A drain of so many jobs from the front of a queue with millions of others behind, delayed and dead, over the same from
 * one that has no others. Each drain sends as many as it takes, on both sides, so the backlog stays as long as it was.
 */
export const backlog: Part = async (setting) => {
  const sizes = setting.input.quick ? quick : full
  const [emptyUrl, backlogUrl] = [setting.databases.urlOf(HOLDFAST), setting.databases.urlOf(AGAIN)]
  const urls = { [EMPTY]: emptyUrl, [BACKLOG]: backlogUrl }
  await loadBacklog(setting, sizes, backlogUrl)
  await (await start(setting, EMPTY, emptyUrl)).close()
  await settle(emptyUrl)
  const rounds: Round[] = []
  for (let wanted = sizes.pairs; ; wanted = Math.min(sizes.mostPairs, wanted * 2)) {
    while (rounds.length < wanted) rounds.push(...(await runGeneration(setting, sizes, urls)))
    const interval = bootstrapMedian(rounds.map(backlogOverEmpty))
    const shown = interval.map((value) => value.toFixed(3)).join(' to ')
    setting.input.progress(`backlog_over_empty: ${rounds.length} pairs, ratio ${shown}`)
    if (wanted >= sizes.mostPairs || !straddles(bound, interval)) break
  }
  const checks = [judgeRatio('backlog_over_empty', rounds.map(backlogOverEmpty), bound)]
  return { rows: [EMPTY, BACKLOG].map((name) => describeRate(name, rounds)), checks }
}

async function loadBacklog(setting: Setting, sizes: BacklogSizes, url: string): Promise<void> {
  const { progress } = setting.input
  const startedAt = performance.now()
  const filler = await start(setting, BACKLOG, url)
  try {
    // The ready ones by the product itself: their order on the disk is what is drained.
    await Promise.all([filler.run('fill', sizes.ready), loadWaiting(url, sizes, progress)])
  } finally {
    await filler.close()
  }
  const loadedAt = performance.now()
  const { mb, largest } = await settle(url)
  const [load, rest] = [loadedAt - startedAt, performance.now() - loadedAt].map((ms) => Math.round(ms / 1_000))
  progress(`backlog_over_empty: loaded in ${load} s, vacuumed in ${rest} s, ${mb} MB (${largest})`)
}

async function settle(url: string) {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  try {
    await settleTables(admin)
    return await readSizes(admin)
  } finally {
    await admin.end()
  }
}

async function start({ execPath }: Setting, name: string, url: string): Promise<RunningSubject> {
  return await startSubject(name, module, url, 1, execPath)
}

async function runGeneration(
  setting: Setting,
  { drained }: Sizes,
  urls: Readonly<Record<string, string>>,
): Promise<Round[]> {
  const rounds: Round[] = []
  const subjects = new Map<string, RunningSubject>()
  try {
    for (const [name, url] of Object.entries(urls)) subjects.set(name, await start(setting, name, url))
    const drain = async (name: string) => await (subjects.get(name) as RunningSubject).run('drain_more', drained)
    for (let n = 0; n < WARM_UPS; n++) for (const name of subjects.keys()) await drain(name)
    while (rounds.length < PAIRS_PER_PROCESS) {
      const round = new Map<string, Stretch>()
      for (const name of rounds.length % 2 === 0 ? [EMPTY, BACKLOG] : [BACKLOG, EMPTY])
        round.set(name, await drain(name))
      rounds.push(round)
    }
    return rounds
  } finally {
    for (const subject of subjects.values()) await subject.close()
  }
}

function backlogOverEmpty(round: Round): number {
  return rateOf(round, BACKLOG) / rateOf(round, EMPTY)
}

function describeRate(name: string, rounds: readonly Round[]): Row {
  const rates = rounds.map((round) => rateOf(round, name))
  return summarize(`${HOLDFAST} (${name})`, 'backlog_drain_rate', 'jobs/s', rates)
}
