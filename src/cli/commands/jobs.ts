import { findNearest, readSqlstate } from '../../core/index.js'
import { createJobs, type Jobs } from '../../jobs/index.js'
import { urlOption, type Command, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { withDatabase } from '../open-database.js'
import { showText } from '../terminal.js'
import { readId, redriveDead, showDead } from './jobs-dead.js'
import { findQueue, showQueues } from './jobs-queues.js'
import { showStatus } from './jobs-status.js'

interface Action {
  /** Of the command's own options; those of every command come on top. */
  options: readonly string[]
  /** Usage, when the words after the action are not as many as it takes. */
  takes: string
  least: number
  most: number
  run(jobs: Jobs, input: CommandInput): Promise<number>
}

const one = { least: 1, most: 1 }
const actions: Readonly<Record<string, Action>> = {
  dead: {
    options: ['queue', 'contains', 'after', 'limit', 'payload'],
    takes: 'no word; for a queue write --queue <name>',
    least: 0,
    most: 0,
    run: showDead,
  },
  redrive: {
    options: ['queue', 'contains', 'limit', 'dry-run', 'from', 'per-second'],
    takes: 'ids, or --queue <name>',
    least: 0,
    most: Infinity,
    run: redriveDead,
  },
  status: { ...one, options: ['payload'], takes: 'the id of one job', run: showStatus },
  pause: {
    ...one,
    options: [],
    takes: 'the name of one queue',
    run: async (...args) => await setPaused(true, ...args),
  },
  resume: {
    ...one,
    options: [],
    takes: 'the name of one queue',
    run: async (...args) => await setPaused(false, ...args),
  },
  cancel: { ...one, options: [], takes: 'the id of one job', run: cancelJob },
}
const overview: Action = { options: [], takes: '', least: 0, most: 0, run: showQueues }

export const jobsCommand: Command = {
  name: 'jobs',
  summary: 'Lists queues, workers and dead letters; sends those again, pauses queues, shows and cancels jobs.',
  examples: [
    'holdfast jobs',
    'holdfast jobs dead --queue mail',
    'holdfast jobs dead --contains \'{"to": "ada@example.com"}\' --payload',
    'holdfast jobs redrive --queue mail --dry-run',
    'holdfast jobs redrive 4711 4712',
    'holdfast jobs redrive --from succeeded --queue invoice --per-second 50',
    'holdfast jobs status 4711',
    'holdfast jobs pause mail',
    'holdfast jobs resume mail',
    'holdfast jobs cancel 4711',
  ],
  words: ['action', 'what…'],
  options: {
    url: urlOption,
    queue: { type: 'string', value: 'name', doc: 'dead, redrive: jobs of this queue.' },
    contains: { type: 'string', value: 'json', doc: 'dead, redrive: payloads that contain this JSON.' },
    limit: { type: 'string', value: 'n', doc: 'dead, redrive: at most so many. Default: 50; 1000.' },
    after: { type: 'string', value: 'id', doc: 'dead: the next page, after this id.' },
    payload: { type: 'boolean', doc: 'dead: shows payloads too, status: the result; they may hold what is private.' },
    from: {
      type: 'string',
      value: 'outcome',
      doc: 'redrive: `dead`, or `succeeded`: kept runs that went wrong. Default: dead.',
    },
    'per-second': { type: 'string', value: 'n', doc: 'redrive: at most so many in a second. Default: no limit.' },
    'dry-run': { type: 'boolean', doc: 'redrive: shows which jobs would be sent; changes nothing.' },
  },
  run: async (input) => {
    const action = findAction(input)
    return await withJobs(input.options['url'] as string | undefined, async (jobs) => await action.run(jobs, input))
  },
}

/** Everything that can be refused without a database. @throws HF_CLI_USAGE */
function findAction({ words, options }: CommandInput): Action {
  const [name, ...rest] = words
  const action = name === undefined ? overview : actions[name]
  if (action === undefined) throw describeUnknown(name as string)
  const called = ['holdfast jobs', ...(name === undefined ? [] : [name])].join(' ')
  for (const option of Object.keys(options))
    if (!['url', 'json', 'help', ...action.options].includes(option))
      throw cliError('HF_CLI_USAGE', `${called} takes no --${option}.`)
  if (rest.length < action.least || rest.length > action.most)
    throw cliError('HF_CLI_USAGE', `${called} takes ${action.takes}.`)
  return action
}

function describeUnknown(name: string) {
  const known = Object.keys(actions)
  const nearest = findNearest(name, known)
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${known.join(', ')}.`
  return cliError('HF_CLI_USAGE', `holdfast jobs has no action "${name}"; ${hint}`, {
    ...(nearest && { fix: `Write holdfast jobs ${nearest}.` }),
  })
}

/** @throws HF_CLI_NOT_MIGRATED */
async function withJobs(url: string | undefined, work: (jobs: Jobs) => Promise<number>): Promise<number> {
  return await withDatabase(url, async (db) => {
    const jobs = await createJobs(db, { jobs: [] })
    try {
      return await work(jobs)
    } catch (error) {
      // No such table, schema, function or column.
      if (!['42P01', '3F000', '42883', '42703'].includes(readSqlstate(error) ?? '')) throw error
      throw cliError('HF_CLI_NOT_MIGRATED', 'The tables of jobs are not there, or are of an older release.', {
        cause: error,
      })
    } finally {
      await jobs.close()
    }
  })
}

async function setPaused(isPaused: boolean, jobs: Jobs, { words, options, terminal }: CommandInput): Promise<number> {
  const name = await findQueue(jobs, words[1] as string)
  await (isPaused ? jobs.pause(name) : jobs.resume(name))
  if (options['json']) terminal.printJson({ queue: name, isPaused })
  else terminal.print(`${isPaused ? 'paused ' : 'resumed'}  ${showText(name)}`)
  if (isPaused) terminal.progress('What runs goes on; nothing new is started until `holdfast jobs resume`.')
  return 0
}

async function cancelJob(jobs: Jobs, { words, options, terminal }: CommandInput): Promise<number> {
  const id = readId(words[1] as string)
  const answer = await jobs.cancel(id)
  if (options['json']) terminal.printJson({ id, answer })
  else terminal.print(`${answer.replace('-', ' ')}  ${id}`)
  if (answer === 'asked') terminal.progress(`It runs; its worker was told to end it. holdfast jobs status ${id}`)
  if (answer === 'not-found') terminal.progress('No job of that id waits or runs: it has ended, is dead, or never was.')
  return answer === 'not-found' ? 1 : 0
}
