import type { DeadFilter, DeadJob, Jobs, KeptRun, RedriveFilter } from '../../jobs/index.js'
import { readNumber, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { showText, wrapText, type Terminal } from '../terminal.js'
import { findQueue } from './jobs-queues.js'

export async function showDead(jobs: Jobs, input: CommandInput): Promise<number> {
  const { options, terminal } = input
  const limit = readNumber(input, 'limit', 50)
  const filter = await readFilter(jobs, input)
  // One more than is shown tells whether there is a next page.
  const found = await jobs.findDead({ ...filter, limit: limit + 1 })
  const dead = found.slice(0, limit)
  const next = found.length > limit ? dead.at(-1)?.id : undefined
  const withPayload = options['payload'] === true
  if (options['json']) terminal.printJson({ dead: dead.map((job) => describe(job, withPayload)), after: next ?? null })
  else if (dead.length === 0) terminal.print('No dead letters.')
  else for (const job of dead) printDead(job, withPayload, terminal)
  if (next !== undefined) terminal.progress(`There are more: --after ${next} shows the next ones.`)
  return 0
}

/** Exit code 1 when a job that was named by its id is not sent. */
export async function redriveDead(jobs: Jobs, input: CommandInput): Promise<number> {
  const ids = [...new Set(input.words.slice(1).map(readId))]
  refuseMixture(ids, input)
  const rate = { ...readFrom(input), ...readRate(input) }
  const filter: RedriveFilter =
    ids.length > 0
      ? { ...rate, ids, limit: ids.length }
      : { ...rate, ...(await readFilter(jobs, input)), limit: readNumber(input, 'limit', 1_000) }
  return input.options['dry-run'] ? await showPlan(jobs, filter, input) : await sendAgain(jobs, filter, input)
}

/** @throws HF_CLI_USAGE */
function readFrom({ options }: CommandInput): Pick<RedriveFilter, 'from'> {
  const from = options['from']
  if (from === undefined) return {}
  if (from === 'dead' || from === 'succeeded') return { from }
  throw cliError('HF_CLI_USAGE', '--from takes dead or succeeded.')
}

function readRate(input: CommandInput): Pick<RedriveFilter, 'perSecond'> {
  return input.options['per-second'] === undefined ? {} : { perSecond: readNumber(input, 'per-second', 1) }
}

/** Those that a redrive would look at, in its order. */
async function findChosen(jobs: Jobs, filter: RedriveFilter): Promise<DeadJob[]> {
  return filter.from === 'succeeded' ? (await jobs.findSucceeded(filter)).map(toListed) : await jobs.findDead(filter)
}

function toListed({ finishedAt: diedAt, ...run }: KeptRun): DeadJob {
  return { ...run, diedAt }
}

/** @throws HF_CLI_USAGE */
function refuseMixture(ids: readonly string[], { options }: CommandInput): void {
  const filters = ['queue', 'contains', 'limit'].filter((name) => options[name] !== undefined)
  if (ids.length > 0 && filters.length > 0)
    throw cliError('HF_CLI_USAGE', `holdfast jobs redrive takes ids or --${filters[0]}, not both.`)
  if (ids.length === 0 && options['queue'] === undefined)
    throw cliError('HF_CLI_USAGE', 'holdfast jobs redrive takes ids, or --queue <name>: it never sends everything.')
}

async function showPlan(jobs: Jobs, filter: RedriveFilter, { options, terminal }: CommandInput): Promise<number> {
  const found = await findChosen(jobs, filter)
  const { sent, blocked } = splitBlocked(found)
  const missing = findMissing(filter.ids, found)
  if (options['json']) {
    const [wouldSend, staysDead] = [sent, blocked].map((some) => some.map((job) => describe(job, false)))
    terminal.printJson({ dryRun: true, redriven: 0, wouldSend, staysDead, missing })
  } else {
    for (const job of sent) printDead(job, false, terminal, filter.from)
    terminal.print(`${count(sent.length)} would be sent again`)
  }
  explainRest(blocked.length, missing, terminal)
  return filter.ids && sent.length < filter.ids.length ? 1 : 0
}

async function sendAgain(jobs: Jobs, filter: RedriveFilter, { options, terminal }: CommandInput): Promise<number> {
  const named = filter.ids ? await findChosen(jobs, filter) : []
  const missing = findMissing(filter.ids, named)
  const redriven = await jobs.redrive(filter)
  if (options['json']) terminal.printJson({ dryRun: false, redriven, missing })
  else terminal.print(`${count(redriven)} sent again`)
  if (filter.ids) {
    explainRest(named.length - redriven, missing, terminal)
    return redriven < filter.ids.length ? 1 : 0
  }
  // Of runs that succeeded nothing can be said: those just sent may have ended well again.
  const [left] = filter.from === 'succeeded' ? [] : await jobs.findDead({ ...filter, limit: 1 })
  if (left) terminal.progress('Others are still dead, by --limit or by a unique key: --dry-run tells.')
  return 0
}

/** As `redrive` decides: a unique key that is in force, or was taken by an older one of the same run, keeps a job dead. */
function splitBlocked(dead: readonly DeadJob[]): { sent: DeadJob[]; blocked: DeadJob[] } {
  const taken = new Set<string>()
  const [sent, blocked]: [DeadJob[], DeadJob[]] = [[], []]
  for (const job of dead) {
    const key = job.uniqueKey === null ? undefined : JSON.stringify([job.name, job.uniqueKey])
    const isBlocked = job.isBlocked || (key !== undefined && taken.has(key))
    if (key !== undefined) taken.add(key)
    ;(isBlocked ? blocked : sent).push(job)
  }
  return { sent, blocked }
}

function findMissing(ids: readonly string[] = [], found: readonly DeadJob[]): string[] {
  const known = new Set(found.map(({ id }) => id))
  return ids.filter((id) => !known.has(id))
}

function explainRest(blocked: number, missing: readonly string[], terminal: Terminal): void {
  if (blocked > 0)
    terminal.progress(`${count(blocked)} left: a job with the same unique key waits, runs, or is sent first.`)
  if (missing.length > 0)
    for (const line of wrapText(`No dead letter, or run to be sent again: ${missing.join(' ')}`, terminal.width))
      terminal.progress(line)
}

async function readFilter(jobs: Jobs, { options }: CommandInput): Promise<DeadFilter> {
  const { queue, contains, after } = options as Record<string, string | undefined>
  const json = contains === undefined ? undefined : readJson(contains)
  const from = after === undefined ? undefined : readId(after)
  const name = queue === undefined ? undefined : await findQueue(jobs, queue)
  return {
    ...(name !== undefined && { name }),
    ...(contains !== undefined && { contains: json }),
    ...(from !== undefined && { after: from }),
  }
}

/** @throws HF_CLI_USAGE */
export function readId(given: string): string {
  if (/^[1-9]\d{0,17}$/.test(given)) return given
  throw cliError('HF_CLI_USAGE', `"${given}" is not the id of a job; for a queue write --queue ${given}.`, {
    fix: 'Ids are whole numbers: `holdfast jobs dead` lists those of dead letters.',
  })
}

/** The message does not repeat the text: it may be part of a payload. @throws HF_CLI_USAGE */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw cliError('HF_CLI_USAGE', '--contains takes JSON, and what was given is none.', {
      fix: `Quote it for the shell: --contains '{"to": "ada@example.com"}'.`,
    })
  }
}

function describe({ id, name, attempts, diedAt, uniqueKey, errors, payload }: DeadJob, withPayload: boolean): object {
  const lastError = errors.at(-1) ?? null
  return { id, queue: name, attempts, diedAt, uniqueKey, lastError, errors, ...(withPayload && { payload }) }
}

function printDead(
  { id, name, attempts, diedAt, errors, payload }: DeadJob,
  withPayload: boolean,
  terminal: Terminal,
  from: RedriveFilter['from'] = 'dead',
): void {
  const facts = `${id}  ${from === 'dead' ? 'died' : 'succeeded'} ${formatTime(diedAt)}  ${count(attempts, 'attempt')}`
  const queue = terminal.paint('bold', showText(name))
  // A long name has a line of its own, unbroken: it is what one copies.
  if (facts.length + 2 + name.length <= terminal.width) terminal.print(`${facts}  ${queue}`)
  else for (const line of [facts, `  ${queue}`]) terminal.print(line)
  const last = errors.at(-1)
  const error = last ? `${last.name}: ${last.message}` : 'no error was written down'
  if (last || from === 'dead') for (const line of wrapText(showText(error), terminal.width, '  ')) terminal.print(line)
  if (withPayload) terminal.print(`  ${showText(JSON.stringify(payload))}`)
}

/** To the second, in UTC. */
function formatTime(date: Date): string {
  return date
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z')
}

function count(amount: number, of = 'job'): string {
  return `${amount} ${amount === 1 ? of : `${of}s`}`
}
