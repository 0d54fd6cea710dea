import { createRequire } from 'node:module'
import { connect, type Db } from 'holdfast'
import { createRandom } from 'holdfast/prove'
import { adviseIndexes, type Advice } from 'holdfast/watch'
import pg from 'pg'
import { createDatabases } from '../harness/databases.js'
import { findMedian, judgeCount, round, summarize } from '../harness/statistics.js'
import type { Contest, ContestInput, Row } from '../harness/types.js'
import { forms, STORY, type Form } from './advice/forms.js'
import { chooseSizes, createSchema, type Sizes } from './advice/schema.js'

const RUNS = 20
/** Of the story, each with as many runs: the median of their P95 is told. */
const PASSES = 3
/** A form whose statements take long is run less often. @unit ms */
const MOST_MS = 1_500
const LEAST_RUNS = 5
const DATABASE = 'forms'
const ROLE = 'bench_advice_app'

type Verdict = 'right' | 'small gain' | 'useless' | 'harmful' | 'missed' | 'rightly refused' | 'no gain to be had'

interface Outcome {
  form: Form
  verdict: Verdict
  gain: number
  /** With all that was advised, where that is more than the first. */
  gainOfAll: number | undefined
  beforeMs: number
  afterMs: number
  adviceMs: number
  first: string
  isSameWithoutValues: boolean
  why: string
}

/**
 * Advice on the statements of a shop, asked for as a role without special rights. What is advised first is then built and
 * measured with the same values; where nothing is advised and somebody who knows would build something, that is.
 */
export const adviceContest: Contest = {
  name: 'advice',
  run: async (input) => {
    const databases = await createDatabases(input.url, 'advice', [DATABASE])
    try {
      return await runForms(databases.urlOf(DATABASE), input)
    } finally {
      await databases.drop()
    }
  },
}

async function runForms(url: string, input: ContestInput) {
  const { quick, progress, only } = input
  const sizes = chooseSizes(quick)
  const db = await connect({ url })
  const app = new pg.Pool({ connectionString: withRole(url), max: 2 })
  try {
    progress('making the schema')
    await createSchema(db, sizes)
    await grantReading(db)
    const outcomes: Outcome[] = []
    for (const form of forms.filter(({ name }) => only === undefined || only.some((word) => name.includes(word)))) {
      const outcome = await judgeForm(form, db, app, sizes)
      outcomes.push(outcome)
      progress(describe(outcome))
    }
    return {
      rows: outcomes.flatMap(writeRows),
      checks: judge(outcomes),
      versions: readVersions(),
      settings: { sizes, forms: outcomes.map(report) },
    }
  } finally {
    await app.end()
    await db.query(`drop owned by ${ROLE}`)
    await db.query(`drop role ${ROLE}`)
    await db.close()
  }
}

function withRole(url: string): string {
  const own = new URL(url)
  own.username = ROLE
  own.password = ROLE
  return own.href
}

/** Rows may be read and written; nothing may be made but temporary tables, which anybody may. */
async function grantReading(db: Db): Promise<void> {
  await db.query(`drop role if exists ${ROLE}`)
  await db.query(`create role ${ROLE} login password '${ROLE}'`)
  await db.query(`grant select, update, delete on all tables in schema public to ${ROLE}`)
}

async function judgeForm(form: Form, db: Db, app: pg.Pool, sizes: Sizes): Promise<Outcome> {
  const random = createRandom(7)
  const draws = Array.from({ length: form.runs ?? RUNS }, () => form.values(random, sizes))
  const passes = await measurePasses(form, draws, app)
  const before = passes[0] as number[]
  // As watch does it: advice is asked for with the values of a slow run.
  const slowest = draws[before.indexOf(Math.max(...before))]
  const began = performance.now()
  const advice = await adviseIndexes(app, { text: form.text, ...(slowest && { values: slowest }) })
  const adviceMs = performance.now() - began
  const blind = await adviseIndexes(app, { text: form.text })
  const first = chooseBuilt(advice)
  const built = first.length > 0 ? first : (form.expert ?? [])
  const isSameWithoutValues = chooseBuilt(blind).join() === first.join()
  const why = [...advice.rewrites, ...advice.refused].map(({ why: reason }) => reason).join(' ')
  const beforeMs = findMedian(passes.map(findP95))
  const outcome = { form, beforeMs, adviceMs, first: first.join('; '), isSameWithoutValues, why }
  if (built.length === 0)
    return { ...outcome, verdict: 'rightly refused', gain: 1, gainOfAll: undefined, afterMs: beforeMs }
  const given = draws.slice(0, before.length)
  const { after, isUsed } = await measureBuilt(form, built, given, db, app)
  const all = advice.advice.map(({ ddl }) => ddl)
  const more = all.length > first.length ? await measureBuilt(form, all, given, db, app) : undefined
  const afterMs = findMedian(after.map(findP95))
  const gain = beforeMs / afterMs
  const gainOfAll = more && beforeMs / findMedian(more.after.map(findP95))
  return { ...outcome, afterMs, gain, gainOfAll, verdict: judgeGain(first.length > 0, gain, isUsed) }
}

/** The first, or all where they help only together. */
function chooseBuilt({ advice, notes }: Advice): string[] {
  const isTogether = notes.some((note) => note.includes('only together'))
  return (isTogether ? advice : advice.slice(0, 1)).map(({ ddl }) => ddl)
}

function judgeGain(isAdvised: boolean, gain: number, isUsed: boolean): Verdict {
  if (!isAdvised) return gain >= 2 && isUsed ? 'missed' : 'no gain to be had'
  if (gain < 0.9) return 'harmful'
  if (!isUsed || gain < 1.1) return 'useless'
  return gain >= 1.5 ? 'right' : 'small gain'
}

async function measureBuilt(form: Form, ddl: readonly string[], draws: readonly unknown[][], db: Db, app: pg.Pool) {
  const before = await listIndexes(db)
  for (const text of ddl)
    for (const statement of text.split(';\n')) await db.query(statement, [], { deadlineMs: 60_000 })
  const built = (await listIndexes(db)).filter((name) => !before.includes(name))
  await db.query('vacuum analyze ' + (await findTables(db, built)).join(', '), [], { deadlineMs: 60_000 })
  const after = await measurePasses(form, draws, app)
  const isUsed = await usesAny(form, draws, built, app)
  for (const name of built) await db.query(`drop index "${name}"`)
  return { after, isUsed }
}

async function listIndexes(db: Db): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select indexname as name from pg_indexes where schemaname = 'public'`,
  )
  return rows.map(({ name }) => name)
}

async function findTables(db: Db, indexes: readonly string[]): Promise<string[]> {
  const text = 'select distinct tablename as name from pg_indexes where indexname = any($1)'
  return (await db.query<{ name: string }>(text, [indexes])).rows.map(({ name }) => name)
}

async function usesAny(
  form: Form,
  draws: readonly unknown[][],
  names: readonly string[],
  app: pg.Pool,
): Promise<boolean> {
  for (const values of draws.slice(0, 10)) {
    const { rows } = await app.query(`explain (format json) ${form.text}`, values)
    if (names.some((name) => JSON.stringify(rows).includes(`"${name}"`))) return true
  }
  return false
}

async function measurePasses(form: Form, draws: readonly unknown[][], app: pg.Pool): Promise<number[][]> {
  const passes: number[][] = []
  for (let n = 0; n < (form.name === STORY ? PASSES : 1); n++) passes.push(await measure(form, draws, app))
  return passes
}

/** Each with values of its own; a change is rolled back. */
async function measure(form: Form, draws: readonly unknown[][], app: pg.Pool): Promise<number[]> {
  const client = await app.connect()
  const times: number[] = []
  try {
    await client.query(form.isWrite ? 'begin' : 'select 1')
    // The first one warms what all of them read.
    await client.query(form.text, draws[0])
    if (form.isWrite) await client.query('rollback')
    let spent = 0
    for (const values of draws) {
      if (form.isWrite) await client.query('begin')
      const began = performance.now()
      await client.query(form.text, values)
      times.push(performance.now() - began)
      if (form.isWrite) await client.query('rollback')
      spent += times.at(-1) as number
      if (spent > MOST_MS && times.length >= LEAST_RUNS && form.name !== STORY) break
    }
    return times
  } finally {
    client.release()
  }
}

function findP95(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * 0.95) - 1] as number
}

function writeRows({ form, beforeMs, afterMs, gain, adviceMs, verdict }: Outcome): Row[] {
  return [
    summarize(form.name, 'p95_before', 'ms', [beforeMs]),
    summarize(form.name, `p95_after (${verdict})`, 'ms', [afterMs]),
    summarize(form.name, 'p95_gain', 'ratio', [gain]),
    summarize(form.name, 'advice_time', 'ms', [adviceMs]),
  ]
}

function report({ form, verdict, first, isSameWithoutValues, why, gain, gainOfAll }: Outcome) {
  return {
    form: form.name,
    verdict,
    gain: round(gain),
    ...(gainOfAll !== undefined && { gainOfAll: round(gainOfAll) }),
    first,
    expert: form.expert,
    isSameWithoutValues,
    why,
  }
}

function describe({ form, verdict, gain, first, adviceMs, why, isSameWithoutValues, gainOfAll }: Outcome): string {
  const all = gainOfAll === undefined ? '' : ` [all: ${gainOfAll.toFixed(1)}x]`
  const same = isSameWithoutValues ? '' : ' [other without values]'
  return `${verdict.padEnd(17)} ${gain.toFixed(1).padStart(8)}x  ${Math.round(adviceMs)} ms  ${form.name}: ${first || why}${all}${same}`
}

function judge(outcomes: readonly Outcome[]) {
  const count = (...verdicts: Verdict[]) => outcomes.filter(({ verdict }) => verdicts.includes(verdict)).length
  const advised = count('right', 'small gain', 'useless', 'harmful')
  const story = outcomes.find(({ form }) => form.name === STORY)
  const isRight = story?.first.endsWith('on public.trades (user_id, created_at desc)') === true
  return [
    judgeCount('advice_first_right', isRight ? 1 : 0, { atLeast: 1 }),
    judgeCount('advice_p95_gain', round(story?.gain ?? 0), { atLeast: 100 }),
    judgeCount('advice_wrong', round(count('useless', 'harmful') / Math.max(1, advised)), { atMost: 0.1 }),
    judgeCount('advice_missed', count('missed'), { atMost: 2 }),
    judgeCount('advice_forms', outcomes.length, { atLeast: 30 }),
    judgeCount('advice_median_ms', round(findMedian(outcomes.map(({ adviceMs }) => adviceMs))), { atMost: 3_000 }),
  ]
}

function readVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  const read = (name: string) => (require(`${name}/package.json`) as { version: string }).version
  return { holdfast: read('holdfast'), pg: read('pg') }
}
