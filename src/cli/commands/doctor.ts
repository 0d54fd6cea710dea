import { checkDatabase, isHoldfastError, type Db, type Finding } from '../../core/index.js'
import { findStranded, findStuck, inspectSagas } from '../../sagas/index.js'
import { inspectWatch } from '../../watch/index.js'
import { urlOption, type Command } from '../command.js'
import { cliError } from '../errors.js'
import { withDatabase } from '../open-database.js'
import { wrapText, type Terminal } from '../terminal.js'

const severities = ['ok', 'watch', 'act'] as const
const styles = { ok: 'green', watch: 'yellow', act: 'red' } as const

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Judges versions, settings, the schema, the sagas and what watch has found; changes nothing.',
  examples: ['holdfast doctor', 'holdfast doctor --fail-on watch', 'holdfast doctor --json'],
  words: [],
  options: {
    url: urlOption,
    'fail-on': {
      type: 'string',
      value: 'severity',
      doc: 'Exit code 1 from this severity on: watch or act. Default: act.',
    },
  },
  run: async ({ options, terminal }) => {
    const limit = readSeverity(options['fail-on'])
    const findings = await withDatabase(options['url'] as string | undefined, async (db) => [
      ...(await checkDatabase(db)),
      ...(await checkSagas(db)),
      ...(await checkWatch(db)),
    ])
    const failing = findings.filter(({ severity }) => severities.indexOf(severity) >= severities.indexOf(limit))
    if (options['json']) terminal.printJson({ findings, failOn: limit, ok: failing.length === 0 })
    else showFindings(findings, terminal)
    return failing.length === 0 ? 0 : 1
  },
}

/** Core knows no sagas; nothing is said of a database that has none. */
async function checkSagas(db: Db): Promise<Finding[]> {
  const { kinds, workers, verdict } = await inspectSagas(db).overview()
  if (kinds.length === 0) return []
  // With no process at all the application is not running, and a pipeline that looks then is not to fail.
  const severity = workers.some(({ isAlive }) => isAlive) ? 'act' : 'watch'
  const signs = kinds.flatMap((kind) => [
    ...findStranded(kind).map(
      (sign) => ({ ...sign, severity, id: `sagas.stranded.${kind.name}.v${kind.version}` }) as const,
    ),
    ...findStuck(kind).map((sign) => ({ ...sign, id: `sagas.stuck.${kind.name}.v${kind.version}` })),
  ])
  if (signs.length === 0)
    return [{ id: 'sagas', severity: 'ok', evidence: verdict.sentence, fix: '', prove: 'holdfast sagas' }]
  return signs.map(({ sentence, ...sign }) => ({ ...sign, evidence: sentence, prove: 'holdfast sagas' }))
}

/** What watch found in the last day. Nothing is said where it has no tables. */
async function checkWatch(db: Db): Promise<Finding[]> {
  try {
    const { findings } = await inspectWatch(db).findings()
    const open = findings.flatMap(({ severity, kind, id, sentence, fix, prove }) =>
      severity === 'info' ? [] : [{ id: `watch.${kind}.${id}`, severity, evidence: sentence, fix, prove }],
    )
    const hints = findings.length - open.length
    if (hints === 0) return open
    const evidence = hints === 1 ? 'There is a hint: holdfast findings' : `There are ${hints} hints: holdfast findings`
    return [...open, { id: 'watch.hints', severity: 'ok', evidence, fix: '', prove: 'holdfast findings' }]
  } catch (error) {
    if (isHoldfastError(error, 'HF_WATCH_NOT_INSTALLED')) return []
    throw error
  }
}

function readSeverity(given: string | boolean | undefined): 'watch' | 'act' {
  if (given === undefined) return 'act'
  if (given === 'watch' || given === 'act') return given
  throw cliError('HF_CLI_USAGE', `--fail-on takes watch or act, it is "${String(given)}".`)
}

/** Worst last: eyes end at the bottom of a terminal. */
function showFindings(findings: readonly Finding[], terminal: Terminal): void {
  const byWeight = [...findings].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
  for (const { severity, id, evidence, fix } of byWeight) {
    terminal.print(`${terminal.paint(styles[severity], severity.padEnd(5))}  ${terminal.paint('bold', id)}`)
    for (const line of wrapText(evidence, terminal.width, '       ')) terminal.print(line)
    if (fix) for (const line of wrapText(`fix: ${fix}`, terminal.width, '       ')) terminal.print(line)
  }
  const count = (severity: Finding['severity']) => findings.filter((each) => each.severity === severity).length
  terminal.print(`${count('act')} to act on, ${count('watch')} to watch, ${count('ok')} fine`)
}
