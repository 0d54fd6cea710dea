import { stat } from 'node:fs/promises'
import {
  promoteFindings,
  readBaseline,
  scanSource,
  toSarif,
  writeBaseline,
  type RunTimeEvidence,
  type ScanReport,
  type Severity,
  type SourceFinding,
} from '../../doctor/index.js'
import { inspectWatch } from '../../watch/index.js'
import type { CommandInput, CommandOption } from '../command.js'
import { cliError } from '../errors.js'
import { withDatabase } from '../open-database.js'
import { readSince } from '../since.js'
import { printSourceReport } from './scan-source-report.js'

/** Options of `holdfast scan` that are about source. */
export const sourceOptions: Readonly<Record<string, CommandOption>> = {
  all: { type: 'boolean', doc: 'Of source: hints too, and synchronous calls that no route is known to reach.' },
  'fail-on': {
    type: 'string',
    value: 'severity',
    doc: 'Of source: exit code 1 from this severity on: info, watch or act. Default: act.',
  },
  baseline: { type: 'string', value: 'file', doc: 'Of source: findings that this file holds do not count.' },
  'write-baseline': { type: 'boolean', doc: 'Of source: writes that file (.holdfast-baseline.json) instead.' },
  sarif: { type: 'boolean', doc: 'Of source: one SARIF 2.1.0 document on stdout.' },
}

const severities = ['info', 'watch', 'act'] as const
const DEFAULT_BASELINE = '.holdfast-baseline.json'

/** A route has a space: `GET /orders`. A path has a slash and none, or is there: `src/`, `./app.js`, `server`. */
export async function isSourcePath(word: string): Promise<boolean> {
  if (word.startsWith('.') || (word.includes('/') && !word.includes(' '))) return true
  return (await stat(word).catch(() => undefined)) !== undefined
}

/** Exit code 1 when a finding that is not in the baseline is at least as severe as `--fail-on`. */
export async function runSourceScan(target: string, { options, terminal }: CommandInput): Promise<number> {
  const failOn = readSeverity(options['fail-on'])
  if (options['sarif'] === true && options['json'] === true)
    throw cliError('HF_CLI_USAGE', '--sarif and --json are two documents, and stdout is one.')
  const baseline = options['baseline'] as string | undefined
  const isWriting = options['write-baseline'] === true
  const known = baseline === undefined || isWriting ? undefined : await readBaseline(baseline)
  const scanned = await scanSource({ target, all: options['all'] === true })
  const report = await addEvidence(scanned, options)
  if (isWriting) {
    const path = baseline ?? DEFAULT_BASELINE
    await writeBaseline(path, report.findings)
    terminal.progress(`${path}: ${report.findings.length} findings. They do not count with --baseline ${path}`)
    return 0
  }
  const fresh = report.findings.filter(({ id }) => known?.has(id) !== true)
  const failing = fresh.filter(({ severity }) => severities.indexOf(severity) >= severities.indexOf(failOn))
  const inBaseline = report.findings.length - fresh.length
  if (options['sarif'] === true) terminal.printJson(toSarif(fresh))
  else if (options['json'] === true)
    terminal.printJson({ ...report, findings: fresh, inBaseline, failOn, ok: failing.length === 0 })
  else printSourceReport({ ...report, findings: fresh }, { inBaseline, isAll: options['all'] === true }, terminal)
  return failing.length === 0 ? 0 : 1
}

/** What watch has seen block, where a database is named: a scan needs none. */
async function addEvidence(report: ScanReport, options: CommandInput['options']): Promise<ScanReport> {
  const url = options['url'] as string | undefined
  if (url === undefined) return report
  const since = new Date(Date.now() - readSince(options['since'], '24h'))
  const evidence = await withDatabase(url, async (db): Promise<RunTimeEvidence[]> => {
    const { findings } = await inspectWatch(db).findings({ since, limit: 1_000 })
    return findings
  })
  const findings = promoteFindings(report.findings, evidence)
  return { ...report, findings: findings.sort(bySeverity) }
}

const bySeverity = (a: SourceFinding, b: SourceFinding): number =>
  severities.indexOf(b.severity) - severities.indexOf(a.severity)

function readSeverity(given: string | boolean | undefined): Severity {
  if (given === undefined) return 'act'
  const found = severities.find((each) => each === given)
  if (found !== undefined) return found
  throw cliError('HF_CLI_USAGE', `--fail-on takes info, watch or act, it is "${String(given)}".`)
}
