import { findNearest, type Db } from '../../core/index.js'
import {
  inspectSagas,
  type SagaAmount,
  type SagaKindView,
  type SagaListing,
  type SagaRow,
  type SagasOverview,
} from '../../sagas/index.js'
import { readNumber, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { formatAge, formatNamedTable, showText, wrapText, type Terminal } from '../terminal.js'
import { printVerdict } from '../verdict.js'

const listings: readonly SagaListing[] = [
  'failing',
  'stuck',
  'compensating',
  'overdue',
  'running',
  'waiting',
  'done',
  'compensated',
]

/** Exit code 1 when somebody is wanted: one is stuck, or no process has its code. */
export async function showOverview(db: Db, { options, terminal }: CommandInput): Promise<number> {
  const overview = await inspectSagas(db).overview()
  if (options['json']) terminal.printJson(overview)
  else {
    printVerdict(overview.verdict, terminal)
    printKinds(overview.kinds, terminal)
    printWorkers(overview.workers, terminal)
  }
  return overview.verdict.severity === 'act' ? 1 : 0
}

const right = 'right' as const
const kindColumns = [
  { title: 'saga' },
  { title: 'workers', align: right },
  { title: 'running', align: right },
  { title: 'due', align: right },
  { title: 'oldest', align: right },
  { title: 'parked', align: right },
  { title: 'stuck', align: right },
]

function printKinds(kinds: readonly SagaKindView[], terminal: Terminal): void {
  if (kinds.length === 0) return
  const rows = kinds.map(({ name, version, workers, running, orphaned, due, oldestDueMs, parked, stuck }) => [
    `${showText(name)} v${version}`,
    String(workers),
    formatAmount({ count: running.count + orphaned.count, isMore: running.isMore || orphaned.isMore }),
    formatAmount(due),
    oldestDueMs === null ? '-' : formatAge(oldestDueMs),
    formatAmount(parked),
    formatAmount(stuck),
  ])
  terminal.print('')
  for (const line of formatNamedTable(kindColumns, rows, terminal.width)) terminal.print(line)
}

const workerColumns = [
  { title: 'worker' },
  { title: 'state' },
  { title: 'up', align: right },
  { title: 'seen', align: right },
  { title: 'sagas', align: right },
]

function printWorkers(workers: SagasOverview['workers'], terminal: Terminal): void {
  if (workers.length === 0) return
  const rows = workers.map(({ instance, isAlive, upMs, seenMs, sagas }) => [
    showText(instance),
    isAlive ? 'alive' : 'gone',
    formatAge(upMs),
    `${formatAge(seenMs)} ago`,
    formatAmount(sagas),
  ])
  terminal.print('')
  for (const line of formatNamedTable(workerColumns, rows, terminal.width)) terminal.print(line)
}

/** Exit code 0 whatever is found: what is wrong tells the overview. */
export async function listSagas(db: Db, input: CommandInput): Promise<number> {
  const { options, terminal } = input
  const [state, limit] = [readListing(options['state']), readNumber(input, 'limit', 50)]
  const name = await readName(db, options['name'] as string | undefined)
  const inspector = inspectSagas(db)
  // One more than is shown tells whether there are more.
  const found = await inspector.list({ state, limit: limit + 1, ...(name !== undefined && { name }) })
  const shown = found.slice(0, limit)
  if (options['json']) terminal.printJson({ sagas: shown, isMore: found.length > limit })
  else if (shown.length === 0) terminal.print(state === 'failing' ? 'None is failing.' : `None is ${state}.`)
  else for (const saga of shown) printListed(saga, terminal)
  if (found.length > limit) terminal.progress(`There are more: --limit ${Math.min(limit * 2, 200)} shows some of them.`)
  return 0
}

/** @throws HF_CLI_USAGE */
function readListing(given: string | boolean | undefined): SagaListing {
  const state = listings.find((each) => each === (given ?? 'failing'))
  if (state !== undefined) return state
  const nearest = findNearest(String(given), listings)
  const hint = nearest ? `did you mean "${nearest}"?` : `it takes ${listings.join(', ')}.`
  throw cliError('HF_CLI_USAGE', `--state takes no "${showText(String(given))}"; ${hint}`)
}

/** @throws HF_CLI_SAGA_UNKNOWN with the nearest one that exists */
async function readName(db: Db, name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return undefined
  const names = [...new Set((await inspectSagas(db).overview()).kinds.map((kind) => kind.name))]
  if (names.includes(name)) return name
  const nearest = findNearest(name, names)
  const hint = nearest ? `; did you mean "${showText(nearest)}"?` : '.'
  throw cliError('HF_CLI_SAGA_UNKNOWN', `There is no saga named "${showText(name)}"${hint}`)
}

function printListed(saga: SagaRow, terminal: Terminal): void {
  const { id, name, version, state, startedAt, isUndoing } = saga
  const how = state === 'stuck' && isUndoing ? 'stuck in undoing' : state
  const facts = `${showText(id)}  ${how}  started ${formatTime(startedAt)}`
  const kind = terminal.paint('bold', `${showText(name)} v${version}`)
  // A long id has a line of its own, unbroken: it is what one copies.
  if (facts.length + name.length + 6 <= terminal.width) terminal.print(`${facts}  ${kind}`)
  else
    for (const line of [showText(id), `  ${how}  started ${formatTime(startedAt)}`, `  ${kind}`]) terminal.print(line)
  for (const reason of describeReasons(saga))
    for (const line of wrapText(showText(reason), terminal.width, '  ')) terminal.print(line)
}

function describeReasons({ failing, error, doing, dueMs }: SagaRow): string[] {
  const reasons: string[] = []
  if (failing !== null)
    reasons.push(
      `undo of ${failing.step}: ${failing.error ? `${failing.error.name}: ${failing.error.message}` : 'failed'}`,
    )
  if (error !== null)
    reasons.push(`${error.step === undefined ? '' : `${error.step}: `}${error.name}: ${error.message}`)
  if (dueMs !== null && dueMs >= 0) reasons.push(`due for ${formatAge(dueMs)}, and nobody has taken it`)
  for (const { kind, name, until } of doing.slice(0, 3))
    reasons.push(`${kind} ${name}${until === null ? '' : ` until ${formatTime(until)}`}`)
  return reasons
}

/** To the second, in UTC. */
export function formatTime(date: Date): string {
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
}

function formatAmount({ count, isMore }: SagaAmount): string {
  return `${count.toLocaleString('en-US')}${isMore ? '+' : ''}`
}
