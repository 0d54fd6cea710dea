import { Histogram } from '../../src/core/index.js'
import { runAdmin } from './database.js'

/** What a process saw of a route (`statement: '0'`) or of a statement in a window. Durations are spread as latencies are. */
export interface SeriesSpec {
  minutes: 1 | 60
  at: Date
  route: string
  statement?: string
  process?: string
  calls: number
  /** Most of them take about so long, and the slowest tenth `slowMs`. */
  typicalMs: number
  slowMs: number
  errors?: number
  rows?: number
  bytes?: number
  waitMs?: number
  sqlMs?: number
  outboundMs?: number
  loopMs?: number
  cold?: number
  coldMs?: number
}

export interface OutboundSpec {
  minutes: 1 | 60
  at: Date
  route: string
  host: string
  calls: number
  totalMs: number
}

function toHistogram({ calls, typicalMs, slowMs }: Pick<SeriesSpec, 'calls' | 'typicalMs' | 'slowMs'>): Histogram {
  const histogram = new Histogram()
  for (let n = 0; n < calls; n++) {
    const base = n % 10 === 0 ? slowMs : typicalMs
    histogram.record(base * (0.95 + ((n * 7) % 19) / 190))
  }
  return histogram
}

export const totalOf = (spec: Pick<SeriesSpec, 'calls' | 'typicalMs' | 'slowMs'>): number => toHistogram(spec).totalMs

function toRow(spec: SeriesSpec) {
  const {
    minutes,
    at,
    route,
    statement = '0',
    process = '1',
    calls,
    errors = 0,
    rows = 0,
    bytes = 0,
    waitMs = 0,
  } = spec
  const histogram = toHistogram(spec)
  const waits = new Histogram()
  for (let n = 0; n < calls; n++) waits.record(waitMs)
  const isOfRoute = statement === '0'
  return {
    minutes,
    began_at: at,
    process,
    route,
    segment: '',
    statement,
    calls,
    errors,
    requests: calls,
    most_calls: 1,
    rows,
    bytes,
    total_ms: histogram.totalMs,
    bins: hex(histogram),
    wait_ms: isOfRoute ? waits.totalMs : 0,
    wait_bins: isOfRoute ? hex(waits) : '\\x',
    sql_ms: spec.sqlMs ?? 0,
    outbound_ms: spec.outboundMs ?? 0,
    loop_ms: spec.loopMs ?? 0,
    cold: spec.cold ?? 0,
    cold_ms: spec.coldMs ?? 0,
  }
}

const hex = (histogram: Histogram): string => `\\x${Buffer.from(histogram.encode()).toString('hex')}`

/** As the owner: what processes would have written. */
export async function writeSeries(ownerUrl: string, specs: readonly SeriesSpec[]): Promise<void> {
  const text = `insert into holdfast.watch_series (minutes, began_at, process, route, segment, statement, calls, errors, requests,
      most_calls, rows, bytes, total_ms, bins, wait_ms, wait_bins, sql_ms, outbound_ms, loop_ms, cold, cold_ms)
    select minutes, began_at, process, route, segment, statement, calls, errors, requests, most_calls, rows, bytes, total_ms,
           bins, wait_ms, wait_bins, sql_ms, outbound_ms, loop_ms, cold, cold_ms
      from json_to_recordset($1::json) as g (minutes smallint, began_at timestamptz, process bigint, route text, segment text,
        statement bigint, calls bigint, errors bigint, requests bigint, most_calls integer, rows bigint, bytes bigint,
        total_ms float8, bins bytea, wait_ms float8, wait_bins bytea, sql_ms float8, outbound_ms float8, loop_ms float8,
        cold bigint, cold_ms float8)`
  await runAdmin(ownerUrl, text, [JSON.stringify(specs.map(toRow))])
}

export async function writeOutbound(ownerUrl: string, specs: readonly OutboundSpec[]): Promise<void> {
  const rows = specs.map(({ at, calls, totalMs, ...spec }) => {
    const durations = new Histogram()
    for (let n = 0; n < calls; n++) durations.record(totalMs / calls)
    return { ...spec, calls, began_at: at, total_ms: totalMs, bins: hex(durations) }
  })
  const text = `insert into holdfast.watch_outbound (minutes, began_at, process, route, segment, host, calls, total_ms, bins)
    select minutes, began_at, 1, route, '', host, calls, total_ms, bins from json_to_recordset($1::json)
      as g (minutes smallint, began_at timestamptz, route text, host text, calls bigint, total_ms float8, bins bytea)`
  await runAdmin(ownerUrl, text, [JSON.stringify(rows)])
}

export async function forgetSeries(ownerUrl: string): Promise<void> {
  const text = `truncate holdfast.watch_series, holdfast.watch_outbound, holdfast.watch_statements, holdfast.watch_plans,
    holdfast.watch_sightings, holdfast.watch_findings, holdfast.watch_deploys`
  await runAdmin(ownerUrl, text)
}

const HOUR_MS = 3_600_000

/**
 * The story: P95 from 120 to 600 ms nine hours ago, P50 flat, in three processes that are the same before and after, no
 * deploy since yesterday, no waiting, no other service: one statement has another plan.
 */
export async function writeStory(ownerUrl: string, now = new Date()): Promise<{ route: string; onset: Date }> {
  const route = 'GET /trades'
  const hour = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS
  const onset = new Date(hour - 9 * HOUR_MS)
  const specs = Array.from({ length: 24 }, (_, ago) => new Date(hour - ago * HOUR_MS)).flatMap((at) => {
    const slowMs = at >= onset ? 600 : 120
    return ['1', '2', '3'].flatMap((process): SeriesSpec[] => {
      const own = { minutes: 60 as const, at, process, calls: 200 }
      const sqlMs = totalOf({ calls: 200, typicalMs: 7, slowMs: slowMs - 8 })
      return [
        { ...own, route, typicalMs: 12, slowMs, waitMs: 0.3, sqlMs, loopMs: 40 },
        { ...own, route, statement: '7', typicalMs: 6, slowMs: slowMs - 10, rows: 10_000, bytes: 400_000 },
        { ...own, route, statement: '8', typicalMs: 1, slowMs: 2, rows: 200, bytes: 20_000 },
        { ...own, route: 'GET /prices', typicalMs: 5, slowMs: 20, sqlMs: 500, loopMs: 20 },
        { ...own, route: 'POST /trades', typicalMs: 9, slowMs: 30, sqlMs: 500, loopMs: 20 },
      ]
    })
  })
  await writeSeries(ownerUrl, specs)
  await writeStoryPlans(ownerUrl, onset)
  return { route, onset }
}

export const storyText = 'select * from trades where user_id = $1 order by created_at desc limit $2'

async function writeStoryPlans(ownerUrl: string, onset: Date): Promise<void> {
  await runAdmin(
    ownerUrl,
    `insert into holdfast.watch_statements (id, text) values (7, $1), (8, 'select * from users where id = $1')`,
    [storyText],
  )
  await runAdmin(
    ownerUrl,
    `insert into holdfast.watch_deploys (label, began_at) values ('v41', $1::timestamptz - interval '31 hours')`,
    [onset],
  )
  const tree = (access: string, indexes: string[]) =>
    JSON.stringify({
      root: { op: 'Sort', children: [{ op: 'Scan', relation: 'public.trades', access, indexes }] },
      accesses: [{ relation: 'public.trades', access, indexes, partitions: 1 }],
    })
  const facts = (bytes: number, rows: number) =>
    JSON.stringify({
      'public.trades': { bytes, rows, changed: 900_000, analyzedAt: 1_700_000_000_000, indexes: {}, types: {} },
    })
  await runAdmin(
    ownerUrl,
    `insert into holdfast.watch_plans (statement, shape, tree, is_inferred, seen, typical_ms, slow_ms, cost, facts, first_seen_at, last_seen_at)
     values (7, 71, $2, false, 900, 5, 110, 900, $3, $1::timestamptz - interval '9 days', $1::timestamptz - interval '5 minutes'),
            (7, 72, $4, false, 300, 450, 590, 60000, $5, $1::timestamptz + interval '4 minutes', now())`,
    [onset, tree('index', ['trades_user']), facts(140e6, 1_200_000), tree('seq', []), facts(250e6, 1_200_000)],
  )
  await runAdmin(
    ownerUrl,
    `insert into holdfast.watch_sightings (minutes, began_at, statement, shape, seen, most_ms)
     select 60, $1::timestamptz + n * interval '1 hour', 7, case when n < 0 then 71 else 72 end, 20, 500 from generate_series(-14, 9) n`,
    [onset],
  )
  const reasons = [{ what: 'growth', sentence: 'public.trades grew from 140 MB to 250 MB' }]
  await runAdmin(
    ownerUrl,
    `insert into holdfast.watch_findings (kind, statement, subject, severity, route, sentence, evidence, fix, prove, first_seen_at)
     values ('plan-flip', 7, '72', 'act', 'GET /trades', $2, $3, 'Ask for an index: holdfast scan tries candidates.', 'holdfast prove plan-flip',
             $1::timestamptz + interval '4 minutes')`,
    [
      onset,
      `${storyText} no longer finds public.trades by trades_user, but reads all of it (110 ms before, 590 ms now).`,
      JSON.stringify({ reasons }),
    ],
  )
}
