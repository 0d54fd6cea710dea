import { Histogram } from '../../src/core/index.js'
import { runAdmin } from './database.js'

/** A statement whose plan has flipped half an hour ago, and what else `fillPlans` writes. */
export const flipped = {
  id: '-7301444403721550001',
  text: 'select t.id, t.raw, u.name from trades t join users u on u.id = t.user_id where t.user_id = $1 and t.side in ($2, $3) order by t.created_at desc limit $4',
  shapes: ['-512', '77'] as const,
}
export const idle = { id: '42', text: 'select id from users where email = $1' }

const minuteMs = 60_000
const minutes = 50
const flippedFor = 30

/** What processes would have written in the last hour, as the owner. */
export async function fillPlans(ownerUrl: string): Promise<void> {
  const now = Date.now()
  await insert(ownerUrl, 'watch_statements', [
    { id: flipped.id, text: flipped.text },
    { id: idle.id, text: idle.text },
  ])
  const starts = Array.from({ length: minutes }, (_, n) => Math.floor(now / minuteMs - n) * minuteMs)
  const series = starts.flatMap((at, n) => {
    const slow = n < flippedFor ? 540 : 120
    return [
      toSeries(1, at, 'GET /trades', flipped.id, [2, 3, 3, 4, slow]),
      toSeries(1, at, 'GET /users/:id', idle.id, [0.4, 0.5]),
      ...(n % 5 === 0 ? [toSeries(1, at, 'GET /trades/export', flipped.id, [slow])] : []),
    ]
  })
  const hour = Math.floor(now / 3_600_000) * 3_600_000
  const hours = Array.from({ length: 30 }, (_, n) => [
    toSeries(60, hour - n * 3_600_000, 'GET /trades', flipped.id, repeat([2, 3, 3, 4, n < 1 ? 540 : 120])),
    ...(n < 2 ? [toSeries(60, hour - n * 3_600_000, 'GET /trades/export', flipped.id, [n < 1 ? 540 : 120])] : []),
    ...(n < 1 ? [toSeries(60, hour, 'GET /users/:id', idle.id, repeat([0.4, 0.5]))] : []),
  ]).flat()
  await insert(ownerUrl, 'watch_series', [...series, ...hours])
  const sightings = starts.map((at, n) => toSighting(1, at, n < flippedFor, n))
  const seenByHour = Array.from({ length: 30 }, (_, n) => toSighting(60, hour - n * 3_600_000, n < 1, n))
  await insert(ownerUrl, 'watch_sightings', [
    ...sightings,
    ...seenByHour,
    { ...toSighting(60, hour, false, 1), seen: 2 },
  ])
  await insert(ownerUrl, 'watch_plans', toPlans(now))
  await insert(ownerUrl, 'watch_findings', toFindings(now))
  await insert(ownerUrl, 'watch_deploys', [{ label: 'v42', began_at: iso(now - 40 * minuteMs) }])
}

async function insert(ownerUrl: string, table: string, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).join(', ')
  const text = `insert into holdfast.${table} (${columns})
    select ${columns} from json_populate_recordset(null::holdfast.${table}, $1::json)`
  await runAdmin(ownerUrl, text, [JSON.stringify(rows)])
}

const repeat = (durations: readonly number[]): number[] => Array.from({ length: minutes }, () => durations).flat()
const iso = (at: number): string => new Date(at).toISOString()

function toSeries(kind: 1 | 60, at: number, route: string, statement: string, durations: readonly number[]) {
  const histogram = new Histogram()
  for (const ms of durations) histogram.record(ms)
  const bins = `\\x${Buffer.from(histogram.encode()).toString('hex')}`
  const [calls, zeros] = [durations.length, { errors: 0, wait_ms: 0, outbound_ms: 0, sql_ms: 0 }]
  const shown = { minutes: kind, began_at: iso(at), process: 1, route, segment: '', statement, calls, requests: calls }
  const amounts = { most_calls: 1, rows: calls * 50, bytes: 5_000, total_ms: histogram.totalMs, bins, wait_bins: '\\x' }
  return { ...shown, ...amounts, ...zeros, loop_ms: 0, cold: 0, cold_ms: 0 }
}

function toSighting(kind: 1 | 60, at: number, isFlipped: boolean, n: number) {
  const [shape, most_ms] = isFlipped ? [flipped.shapes[1], 540] : [flipped.shapes[0], 120]
  return { minutes: kind, began_at: iso(at), statement: flipped.id, shape, seen: 1 + (n % 3), most_ms }
}

const users = {
  op: 'Scan',
  relation: 'public.users',
  access: 'index',
  indexes: ['users_pkey'],
  cond: '(u.id = ?)',
}

function toPlans(now: number) {
  const plan = (trades: object) => ({
    root: {
      op: 'Sort',
      cond: 't.created_at DESC',
      children: [{ op: 'Nested Loop', children: [users, { op: 'Scan', relation: 'public.trades', ...trades }] }],
    },
    accesses: [],
    rows: 50,
    casts: [],
    settings: {},
  })
  const found = { access: 'index', indexes: ['trades_user_id'], cond: '(t.user_id = ?)', filter: '(t.side = ANY (?))' }
  const whole = { access: 'seq', filter: '((t.user_id = ?) AND (t.side = ANY (?)))' }
  const facts = (rows: number, analyzedAt: number | null) => ({
    'public.trades': { bytes: rows * 440, rows, changed: 900_000, analyzedAt, indexes: {}, types: {} },
    'public.users': { bytes: 81_920, rows: 500, changed: 0, analyzedAt, indexes: {}, types: {} },
  })
  const common = { statement: flipped.id, is_inferred: false }
  return [
    {
      ...common,
      shape: flipped.shapes[0],
      tree: plan(found),
      seen: 61,
      typical_ms: 3.2,
      slow_ms: 120,
      cost: 128_530,
      facts: facts(1_200_000, now - 86_400_000),
      first_seen_at: iso(now - 86_400_000),
      last_seen_at: iso(now - 29 * minuteMs),
    },
    {
      ...common,
      shape: flipped.shapes[1],
      tree: plan(whole),
      seen: 44,
      typical_ms: 412,
      slow_ms: 540,
      cost: 124_747,
      facts: facts(2_100_000, now - 86_400_000),
      first_seen_at: iso(now - 29 * minuteMs),
      last_seen_at: iso(now),
    },
  ]
}

function toFindings(now: number) {
  const grown = 'public.trades grew from 528 MB to 924 MB'
  const flip = {
    kind: 'plan-flip',
    statement: flipped.id,
    subject: flipped.shapes[1],
    severity: 'act',
    route: 'GET /trades',
    sentence: `${flipped.text.slice(0, 120)} … no longer finds public.trades by trades_user_id, but reads all of it (120 ms before, 540 ms now): ${grown}.`,
    evidence: {
      beforeMs: 120,
      afterMs: 540,
      beforeShape: flipped.shapes[0],
      afterShape: flipped.shapes[1],
      lost: [{ relation: 'public.trades', index: 'trades_user_id', now: 'seq' }],
      reasons: [
        { what: 'growth', sentence: grown },
        { what: 'stale', sentence: '900000 rows of public.trades were written since it was analyzed' },
      ],
    },
    fix: 'Ask for an index: `holdfast scan`, or the page Queries, tries candidates.',
    prove: 'holdfast prove plan-flip',
    seen: 21,
    first_seen_at: iso(now - 28 * minuteMs),
    last_seen_at: iso(now - minuteMs),
  }
  const hint = { ...flip, severity: 'info', subject: '', evidence: {}, seen: 3, prove: 'holdfast watch' }
  return [
    flip,
    {
      ...flip,
      kind: 'repeated-statement',
      statement: idle.id,
      severity: 'watch',
      subject: '',
      route: 'GET /users/:id',
      sentence: `${idle.text} ran 50 times in a request of GET /users/:id, one by one.`,
      evidence: { callsPerRequest: 50 },
      fix: 'Ask for all of them at once: `where email = any($1)`.',
      prove: 'holdfast prove n-plus-one',
    },
    {
      ...hint,
      kind: 'unread-columns',
      sentence: '1 of 3 columns of this result is never read: raw, 84 % of its bytes.',
      fix: 'Leave `raw` out of the select list.',
    },
    {
      ...hint,
      kind: 'unused-index',
      statement: '0',
      subject: 'public.trades_old',
      route: '',
      sentence: 'The index public.trades_old (96 MB) has not been used for 35 days.',
      fix: 'drop index concurrently public.trades_old;',
      last_seen_at: iso(now - 120 * minuteMs),
      first_seen_at: iso(now - 5 * 86_400_000),
    },
    {
      ...hint,
      kind: 'unbounded-result',
      statement: '0',
      subject: 'orders',
      sentence: 'The result of this statement has no limit, and had 41,000 rows.',
      fix: 'Page it by its key.',
      last_seen_at: iso(now - 3 * 86_400_000),
      first_seen_at: iso(now - 5 * 86_400_000),
    },
  ]
}
