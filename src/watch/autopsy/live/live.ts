import type { Db } from '../../../core/index.js'
import type { WatchVerdict } from '../../inspect-types.js'
import { loadParser } from '../../parser.js'
import { formatBytes } from '../../plans/reasons.js'
import { Reader } from '../reader.js'
import { formatDistance } from '../request-suspects.js'
import { cut, formatAmount, formatMs, formatShare, formatTime } from '../../words.js'
import {
  readBareForeignKeys,
  readDirtyTables,
  readLongTransactions,
  readSlowStatements,
  readStatisticsAge,
  readWholeReads,
  type BareForeignKey,
  type DirtyTable,
  type OpenTransaction,
  type ScannedTable,
  type SlowStatement,
} from './store.js'

type Asked = Pick<Db, 'query'>

const MINUTE_MS = 60_000
/** Rows of a scan: fewer are read quicker than by an index, or nobody notices. */
const MANY_ROWS = 10_000
const LARGE_BYTES = 1_000_000

/** Something that can be seen in a database now, whether it was watched or not. */
export interface LiveFinding {
  kind:
    | 'whole-read'
    | 'dead-rows'
    | 'stale-statistics'
    | 'long-transaction'
    | 'foreign-key-without-index'
    | 'slow-statement'
    | 'index'
  severity: 'info' | 'watch' | 'act'
  /** A table, a constraint, an index, or a process. */
  subject: string
  /** With its figures. No values of the user's. */
  sentence: string
  fix: string
  /** SQL that can be run as it is; null: there is none. */
  ddl: string | null
  prove: string
}

export interface LiveScan {
  verdict: WatchVerdict
  /** What should be done first comes first. */
  findings: LiveFinding[]
  /** What could not be read, in words. */
  missing: string[]
  /** Since when the server counts; null: for as long as it is there. */
  countedSince: Date | null
}

export interface LiveOptions {
  signal?: AbortSignal
  /** Default: 30 000 ms. */
  deadlineMs?: number
  /** Faults of indexes, found elsewhere: unused, duplicate, invalid. Default: none are looked for. */
  listIndexFaults?: () => Promise<readonly LiveFinding[]>
}

/** Looks at the catalog and the statistics that this role may read: of use where nobody has watched. Changes nothing. */
export async function scanLive(db: Asked, options: LiveOptions = {}): Promise<LiveScan> {
  const reader = new Reader(options.deadlineMs ?? 30_000, options.signal)
  const { listIndexFaults } = options
  const patience = () => reader.patience()
  const [whole, dirty, transactions, keys, statements, countedSince, indexes] = await Promise.all([
    reader.attempt('reads of tables', async () => await readWholeReads(db, MANY_ROWS, patience())),
    reader.attempt('dead rows and statistics', async () => await readDirtyTables(db, patience())),
    reader.attempt('transactions', async () => await readLongTransactions(db, MINUTE_MS, patience())),
    reader.attempt('foreign keys', async () => await readBareForeignKeys(db, LARGE_BYTES, patience())),
    reader.attempt('pg_stat_statements', async () => await readSlowStatements(db, patience())),
    reader.attempt('the age of the statistics', async () => await readStatisticsAge(db, patience())),
    listIndexFaults && reader.attempt('indexes', async () => await reader.bound(listIndexFaults())),
  ])
  const parser = await loadParser()
  const found = [
    ...(whole ?? []).flatMap(describeWholeRead),
    ...(dirty ?? []).flatMap(describeDirty),
    ...(transactions?.open ?? []).map(describeTransaction),
    ...(keys ?? []).map(describeForeignKey),
    ...describeStatements(statements ?? [], (text) => parser.normalise(text)),
    ...(indexes ?? []),
  ]
  const order = { act: 0, watch: 1, info: 2 } as const
  const findings = found.toSorted((a, b) => order[a.severity] - order[b.severity])
  const hidden = transactions?.hidden ?? 0
  if (hidden > 0)
    reader.missing.push(
      `${hidden} ${hidden === 1 ? 'session' : 'sessions'} of other roles (grant pg_read_all_stats to see them)`,
    )
  return { verdict: judge(findings), findings, missing: reader.missing, countedSince: countedSince ?? null }
}

function judge(findings: readonly LiveFinding[]): WatchVerdict {
  const [first, ...others] = findings.filter(({ severity }) => severity !== 'info')
  if (first === undefined || first.severity === 'info')
    return {
      severity: 'ok',
      sentence: 'Nothing is wrong with tables, indexes and transactions as far as can be seen.',
      also: [],
    }
  const { severity, sentence, fix, ddl } = first
  return { severity, sentence, fix: ddl ?? fix, also: others.slice(0, 5).map((each) => each.sentence) }
}

function describeWholeRead({
  relation,
  scans,
  rows_read: read,
  rows,
  bytes,
  index_scans: byIndex,
}: ScannedTable): LiveFinding[] {
  if (scans < 10) return []
  const each = read / scans
  const share = scans / Math.max(1, scans + byIndex)
  const severity = each >= 100_000 && scans >= 100 ? 'act' : 'watch'
  return [
    {
      kind: 'whole-read',
      severity,
      subject: relation,
      sentence: `${relation} (${formatBytes(bytes)}, about ${formatAmount(rows)} rows) was read from its beginning to its end ${formatAmount(scans)} times, ${formatAmount(each)} rows each: ${formatShare(share)} of its reads.`,
      fix: `Find the statement (\`watch(db)\` names it and its route) and ask for an index on what it filters by.`,
      ddl: null,
      prove: `select seq_scan, seq_tup_read, idx_scan from pg_stat_user_tables where relid = '${relation}'::regclass`,
    },
  ]
}

function describeDirty({
  relation,
  live,
  dead,
  changed,
  analyzed_at: analyzedAt,
  vacuumed_at: vacuumedAt,
}: DirtyTable): LiveFinding[] {
  const prove = `select n_live_tup, n_dead_tup, n_mod_since_analyze from pg_stat_user_tables where relid = '${relation}'::regclass`
  const found: LiveFinding[] = []
  if (dead >= 10_000 && dead >= live * 0.5) {
    const when = vacuumedAt === null ? 'it was never vacuumed' : `last vacuumed at ${formatTime(vacuumedAt)}`
    const sentence = `${relation} has ${formatAmount(dead)} dead rows beside ${formatAmount(live)} live ones; ${when}.`
    const fix = 'Look for a transaction or a replication slot that holds them back, then vacuum.'
    found.push({
      kind: 'dead-rows',
      severity: dead >= live * 2 ? 'act' : 'watch',
      subject: relation,
      sentence,
      fix,
      ddl: `vacuum (analyze) ${relation}`,
      prove,
    })
  }
  if (live >= 10_000 && changed >= live * 0.5) {
    const since = analyzedAt === null ? 'it was never analyzed' : `it was analyzed at ${formatTime(analyzedAt)}`
    const sentence = `${formatAmount(changed)} changes of ${relation} (${formatAmount(live)} rows) are not in its statistics: ${since}. Plans are made for the table that it was.`
    found.push({
      kind: 'stale-statistics',
      severity: analyzedAt === null ? 'act' : 'watch',
      subject: relation,
      sentence,
      fix: 'Analyze it, and let autovacuum come there more often.',
      ddl: `analyze ${relation}`,
      prove,
    })
  }
  return found
}

function describeTransaction({ pid, state, application, age_ms: ageMs }: OpenTransaction): LiveFinding {
  const isIdle = state.startsWith('idle in transaction')
  const who = application === '' ? `process ${pid}` : `process ${pid} (${application})`
  return {
    kind: 'long-transaction',
    severity: ageMs >= 10 * MINUTE_MS || isIdle ? 'act' : 'watch',
    subject: String(pid),
    sentence: `A transaction of ${who} is open for ${formatDistance(ageMs)}, ${state}: nothing that was deleted since can be cleaned up.`,
    fix: isIdle
      ? 'Find what it waits for outside of the database; set idle_in_transaction_session_timeout.'
      : 'Find out what it does: `holdfast locks` shows its session.',
    ddl: null,
    prove: `select state, xact_start, wait_event from pg_stat_activity where pid = ${pid}`,
  }
}

function describeForeignKey({ relation, referenced, name, columns, ddl, rows, bytes }: BareForeignKey): LiveFinding {
  return {
    kind: 'foreign-key-without-index',
    severity: rows >= 100_000 ? 'act' : 'watch',
    subject: name,
    sentence: `${relation} (${formatBytes(bytes)}) refers to ${referenced} by ${columns}, and no index begins with it: each delete there reads the whole table.`,
    fix: 'Build the index; it does not block writes.',
    ddl,
    prove: `explain select from ${relation} where (${columns}) = (select ${columns} from ${relation} limit 1)`,
  }
}

function describeStatements(statements: readonly SlowStatement[], normalise: (text: string) => string): LiveFinding[] {
  return statements.slice(0, 5).map(({ text, calls, total_ms: totalMs, mean_ms: meanMs, rows }) => ({
    kind: 'slow-statement',
    severity: meanMs >= 100 && calls >= 100 ? 'watch' : 'info',
    subject: '',
    sentence: `${cut(normalise(text))} took ${formatMs(totalMs)} in ${formatAmount(calls)} calls: ${formatMs(meanMs)} and ${formatAmount(rows / Math.max(1, calls))} rows each.`,
    fix: 'Look at its plan: `explain (analyze, buffers)`.',
    ddl: null,
    prove: 'select query, calls, mean_exec_time from pg_stat_statements order by total_exec_time desc limit 10',
  }))
}
