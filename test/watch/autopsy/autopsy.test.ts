import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inspectWatch, type Autopsy, type AutopsyOptions, type SuspectName } from '../../../src/watch/index.js'
import { openTestDatabase, runAdmin, type TestDatabase } from '../../helpers/database.js'
import {
  forgetSeries,
  storyText,
  totalOf,
  writeOutbound,
  writeSeries,
  writeStory,
  type SeriesSpec,
} from '../../helpers/watch-series.js'

const MINUTE_MS = 60_000
const route = 'GET /orders'

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase()
})
beforeEach(async () => await forgetSeries(box.ownerUrl))
afterAll(async () => await box.close())

const ask = async (options: AutopsyOptions = {}): Promise<Autopsy> => await inspectWatch(box.db).autopsy(options)
const find = ({ suspects }: Autopsy, name: SuspectName) => suspects.find(({ suspect }) => suspect === name)
const verdicts = (report: Autopsy) =>
  Object.fromEntries(report.suspects.map(({ suspect, verdict }) => [suspect, verdict]))

describe('the story: P95 from 120 to 600 ms overnight, no deploy', () => {
  test('is told as a whole: onset, who is not to blame, what changed, and the fix', async () => {
    const { onset } = await writeStory(box.ownerUrl)
    const asked: string[] = []
    const ddl = 'create index concurrently on public.trades (user_id, created_at desc)'
    const report = await ask({
      advise: async (text) => {
        asked.push(text)
        return await Promise.resolve({ advice: [{ ddl }], refused: [] })
      },
    })
    expect(report.route).toBe('GET /trades')
    expect(report.onset).toMatchObject({ at: onset, endedAt: null, minutes: 60, kind: 'jump' })
    expect(report.onset?.before.p95).toBeGreaterThan(100)
    expect(report.onset?.after.p95).toBeGreaterThan(550)
    expect(report.verdict.severity).toBe('act')
    expect(report.verdict.sentence).toMatch(
      /^P95 of GET \/trades went from 120 ms to 598 ms at .* UTC, \d+ hours ago\. Its plan changed: /,
    )
    expect(verdicts(report)).toMatchObject({
      plan: 'guilty',
      statement: 'guilty',
      growth: 'guilty',
      pool: 'eliminated',
      outbound: 'eliminated',
      'event-loop': 'eliminated',
      'cold-starts': 'eliminated',
      'one-instance': 'eliminated',
      'general-slowdown': 'eliminated',
      'more-rows': 'eliminated',
      'more-statements': 'eliminated',
      traffic: 'eliminated',
      errors: 'eliminated',
      deploy: 'eliminated',
      'own-code': 'eliminated',
      locks: 'unknown',
    })
    expect(report.suspects[0]?.suspect).toBe('plan')
    expect(report.suspects[0]?.share).toBeGreaterThan(0.9)
    expect(find(report, 'cold-starts')?.sentence).toBe('Warm instances are slow too: 3 of 3 that ran before already.')
    expect(find(report, 'deploy')?.sentence).toBe('The last deploy before it is v41, 31 hours earlier.')
    expect(find(report, 'general-slowdown')?.sentence).toMatch(/^P50 is .* only some requests are slower\.$/)
    expect(report.changes.map(({ what }) => what)).toEqual(['reason', 'plan', 'finding'])
    expect(report.fixes[0]).toEqual({
      from: 'advice',
      sentence: expect.any(String),
      ddl,
      prove: "holdfast scan 'GET /trades' --since 1h",
    })
    expect(report.fixes[1]).toMatchObject({ from: 'finding', prove: 'holdfast prove plan-flip' })
    expect(asked).toEqual([storyText])
    expect([report.missing, report.alsoSlower]).toEqual([[], []])
    expect(report.tookMs).toBeLessThan(60_000)
  })

  test('without findings and sightings it says what is unknown, and the statement is to blame', async () => {
    await writeStory(box.ownerUrl)
    await runAdmin(
      box.ownerUrl,
      'truncate holdfast.watch_findings, holdfast.watch_sightings, holdfast.watch_plans, holdfast.watch_deploys',
    )
    const report = await ask()
    expect(verdicts(report)).toMatchObject({
      statement: 'guilty',
      plan: 'unknown',
      growth: 'unknown',
      statistics: 'unknown',
      deploy: 'unknown',
    })
    expect(report.suspects[0]?.suspect).toBe('statement')
    expect(report.suspects[0]?.sentence).toContain(storyText)
  })

  test('advice that is refused, or that fails, is told', async () => {
    await writeStory(box.ownerUrl)
    const refused = await ask({
      advise: async () => await Promise.resolve({ advice: [], refused: [{ why: 'no copy could be made' }] }),
    })
    expect([refused.refused, refused.missing]).toEqual([['no copy could be made'], []])
    const failed = await ask({ advise: async () => await Promise.reject(new Error('no')) })
    expect([failed.refused, failed.missing]).toEqual([[], ['advice']])
  })
})

/** Forty minutes, of which the last fifteen are slow; what is given is of the slow ones. */
async function play(
  slow: Partial<SeriesSpec>,
  calm: Partial<SeriesSpec> = {},
  also: (at: Date, isSlow: boolean) => SeriesSpec[] = () => [],
) {
  const minute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
  const onset = minute - 14 * MINUTE_MS
  const specs = Array.from({ length: 40 }, (_, ago) => new Date(minute - ago * MINUTE_MS)).flatMap((at) => {
    const isSlow = at.getTime() >= onset
    const base = { minutes: 1 as const, at, route, calls: 100, typicalMs: 20, slowMs: 100, loopMs: 10, sqlMs: 500 }
    return [{ ...base, ...calm, ...(isSlow ? slow : {}) }, ...also(at, isSlow)]
  })
  await writeSeries(box.ownerUrl, specs)
  return new Date(onset)
}

const all = { typicalMs: 200, slowMs: 400 }
const before = totalOf({ calls: 100, typicalMs: 20, slowMs: 100 })
const risen = totalOf({ calls: 100, ...all }) - before

describe('who is to blame', () => {
  test.each<[SuspectName, Partial<SeriesSpec>]>([
    ['pool', { ...all, waitMs: risen / 100 }],
    ['event-loop', { ...all, loopMs: risen }],
    ['cold-starts', { ...all, process: '2', cold: 90, coldMs: risen }],
    ['own-code', all],
    ['outbound', { ...all, outboundMs: risen }],
  ])('%s', async (suspect, slow) => {
    const onset = await play(slow)
    if (suspect === 'outbound')
      await writeOutbound(box.ownerUrl, [
        { minutes: 1, at: onset, route, host: 'pay.example', calls: 100, totalMs: 18_000 },
      ])
    const report = await ask({ sinceMs: 3_600_000 })
    expect(report.onset).toMatchObject({ at: onset, minutes: 1 })
    expect(report.suspects[0]).toMatchObject({ suspect, verdict: 'guilty' })
    expect(report.suspects[0]?.share).toBeGreaterThan(0.8)
    const others = report.suspects.filter(({ verdict }) => verdict === 'guilty').slice(1)
    expect(
      others.map((each) => each.suspect).filter((name) => !['general-slowdown', 'own-code'].includes(name)),
    ).toEqual([])
    if (suspect === 'outbound')
      expect(report.suspects[0]?.sentence).toContain('pay.example: 180 ms in a request that calls it')
  })

  test('one instance', async () => {
    const other = (at: Date): SeriesSpec[] =>
      ['2', '3'].map((process) => ({ minutes: 1, at, route, process, calls: 100, typicalMs: 20, slowMs: 100 }))
    await play({ typicalMs: 900, slowMs: 2_000 }, {}, other)
    const report = await ask({ sinceMs: 3_600_000 })
    expect(find(report, 'one-instance')).toMatchObject({ verdict: 'guilty', share: 1 })
    expect(find(report, 'one-instance')?.sentence).toMatch(
      /^1 of 3 processes is slow: P95 \d+ ms, of the others \d+ ms at most\.$/,
    )
  })

  test('more statements: N + 1', async () => {
    await play({ ...all, sqlMs: risen + 500 }, {}, (at, isSlow) => [
      { minutes: 1, at, route, statement: '5', calls: isSlow ? 3_700 : 100, typicalMs: 4, slowMs: 14, rows: 100 },
    ])
    const report = await ask({ sinceMs: 3_600_000 })
    expect(report.suspects[0]).toMatchObject({ suspect: 'more-statements', verdict: 'guilty' })
    expect(report.suspects[0]?.sentence).toContain('37 times, before 1')
    expect(find(report, 'statement')?.verdict).toBe('eliminated')
    expect(report.fixes[0]?.sentence).toContain('any($1)')
  })

  test('more rows', async () => {
    await play({ ...all, sqlMs: risen + 500 }, {}, (at, isSlow) => [
      {
        minutes: 1,
        at,
        route,
        statement: '5',
        calls: 100,
        ...(isSlow ? { typicalMs: 190, slowMs: 390, rows: 200_000 } : { typicalMs: 5, slowMs: 50, rows: 5_000 }),
      },
    ])
    const report = await ask({ sinceMs: 3_600_000 })
    expect(report.suspects[0]).toMatchObject({ suspect: 'more-rows', verdict: 'guilty' })
    expect(report.suspects[0]?.sentence).toContain('2,000 rows')
  })

  test('a deploy, more traffic and errors go with it and are not the cause by themselves', async () => {
    const onset = await play({ ...all, calls: 300, errors: 60 })
    await runAdmin(box.ownerUrl, `insert into holdfast.watch_deploys (label, began_at) values ('v42', $1)`, [onset])
    const report = await ask({ sinceMs: 3_600_000 })
    expect(verdicts(report)).toMatchObject({
      deploy: 'guilty',
      traffic: 'guilty',
      errors: 'guilty',
      'own-code': 'guilty',
    })
    expect(report.suspects[0]?.suspect).toBe('own-code')
    expect(report.changes).toEqual([{ what: 'deploy', sentence: 'v42 was deployed.', at: onset }])
  })

  test('everything: other routes became slower at the same time', async () => {
    await play(all, {}, (at, isSlow) =>
      ['GET /a', 'GET /b', 'GET /c'].map((name) => ({
        minutes: 1,
        at,
        route: name,
        calls: 50,
        ...(isSlow ? all : { typicalMs: 20, slowMs: 100 }),
      })),
    )
    const report = await ask({ sinceMs: 3_600_000 })
    expect(find(report, 'general-slowdown')).toMatchObject({
      verdict: 'guilty',
      figures: { others: 3, othersSlower: 3 },
    })
    expect(report.alsoSlower.map(({ route: name }) => name).toSorted()).toEqual(['GET /a', 'GET /b', 'GET /c'])
  })
})

test('nothing became slower, or too little was seen: that is what it says', async () => {
  expect((await ask()).verdict.sentence).toBe('Too little was seen of any route to tell: 0 requests in this time.')
  await play({})
  const report = await ask({ sinceMs: 3_600_000, route })
  expect(report).toMatchObject({ onset: null, suspects: [], verdict: { severity: 'ok' } })
  expect(report.verdict.sentence).toMatch(/^GET \/orders is as it was, with a P95 of \d+ ms\.$/)
})

test('what is over is told as over', async () => {
  const minute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
  const specs = Array.from({ length: 60 }, (_, ago): SeriesSpec => {
    const isSlow = ago >= 20 && ago < 30
    return {
      minutes: 1,
      at: new Date(minute - ago * MINUTE_MS),
      route,
      calls: 100,
      typicalMs: isSlow ? 300 : 20,
      slowMs: isSlow ? 900 : 100,
    }
  })
  await writeSeries(box.ownerUrl, specs)
  const report = await ask({ sinceMs: 7_200_000 })
  expect(report.onset?.endedAt).toEqual(new Date(minute - 19 * MINUTE_MS))
  expect(report.verdict.severity).toBe('watch')
})

test('tables that are missing are unknown, and an abort ends it', async () => {
  const bare = await openTestDatabase({ migrated: false })
  await expect(inspectWatch(bare.db).autopsy()).rejects.toThrow(/tables of watch/)
  await bare.close()
  await writeStory(box.ownerUrl)
  await runAdmin(
    box.ownerUrl,
    `revoke select on holdfast.watch_outbound, holdfast.watch_sightings from public, ${box.role}`,
  )
  try {
    const report = await ask()
    expect(report.missing.toSorted()).toEqual(['other services', 'plans'])
    expect(find(report, 'plan')?.verdict).toBe('guilty') // by the finding
  } finally {
    await runAdmin(box.ownerUrl, `grant select on holdfast.watch_outbound, holdfast.watch_sightings to ${box.role}`)
  }
  await expect(ask({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  await expect(ask({ sinceMs: 1 })).rejects.toMatchObject({ code: 'HF_OPTIONS_INVALID' })
})
