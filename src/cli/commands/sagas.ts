import { userInfo } from 'node:os'
import { findNearest, readSqlstate, type Db } from '../../core/index.js'
import { operateSagas, type SagasOperator } from '../../sagas/index.js'
import { urlOption, type Command, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import { withDatabase } from '../open-database.js'
import { showText } from '../terminal.js'
import { listSagas, showOverview } from './sagas-overview.js'
import { showSaga } from './sagas-show.js'

interface Action {
  /** Of the command's own options; those of every command come on top. */
  options: readonly string[]
  /** Usage, when the words after the action are not as many as it takes. */
  takes: string
  words: number
  run(db: Db, input: CommandInput): Promise<number>
}

const ofOne = { takes: 'the id of one saga', words: 1 }
const actions: Readonly<Record<string, Action>> = {
  list: {
    options: ['state', 'name', 'limit'],
    takes: 'no word; for a saga write --name <name>',
    words: 0,
    run: listSagas,
  },
  show: { ...ofOne, options: ['payload'], run: showSaga },
  cancel: { ...ofOne, options: ['reason'], run: cancelSaga },
  retry: { ...ofOne, options: ['reason'], run: retrySaga },
  'skip-undo': { options: ['reason'], takes: 'the id of one saga and the name of one step', words: 2, run: skipUndo },
}
const overview: Action = { options: [], takes: '', words: 0, run: showOverview }

export const sagasCommand: Command = {
  name: 'sagas',
  summary: 'Tells what is wrong with sagas and why: stuck, overdue, without code; shows, cancels and retries one.',
  examples: [
    'holdfast sagas',
    'holdfast sagas list --state stuck --name checkout',
    'holdfast sagas show order:7',
    'holdfast sagas retry order:7 --reason "the bank is open again"',
    'holdfast sagas skip-undo order:7 charge --reason "refunded by hand"',
    'holdfast sagas cancel order:7',
  ],
  words: ['action', 'what…'],
  options: {
    url: urlOption,
    state: {
      type: 'string',
      value: 'state',
      doc: 'list: failing (stuck, being undone, overdue), or one state. Default: failing.',
    },
    name: { type: 'string', value: 'name', doc: 'list: sagas of this name.' },
    limit: { type: 'string', value: 'n', doc: 'list: at most so many, up to 200. Default: 50.' },
    payload: { type: 'boolean', doc: 'show: inputs and outputs too; they may hold what is private.' },
    reason: { type: 'string', value: 'text', doc: 'cancel, retry, skip-undo: kept with the saga.' },
  },
  run: async (input) => {
    const action = findAction(input)
    return await withDatabase(input.options['url'] as string | undefined, async (db) => {
      return await explainMissing(async () => await action.run(db, input))
    })
  },
}

/** Everything that can be refused without a database. @throws HF_CLI_USAGE */
function findAction({ words, options }: CommandInput): Action {
  const [name, ...rest] = words
  const action = name === undefined ? overview : Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action === undefined) throw describeUnknown(name as string)
  const called = ['holdfast sagas', ...(name === undefined ? [] : [name])].join(' ')
  for (const option of Object.keys(options))
    if (!['url', 'json', 'help', ...action.options].includes(option))
      throw cliError('HF_CLI_USAGE', `${called} takes no --${option}.`)
  if (rest.length !== action.words) throw cliError('HF_CLI_USAGE', `${called} takes ${action.takes}.`)
  if (name === 'skip-undo' && readReason(options) === undefined)
    throw cliError('HF_CLI_USAGE', `${called} wants a --reason: nobody undoes this step afterwards.`)
  return action
}

function describeUnknown(name: string) {
  const known = Object.keys(actions)
  const nearest = findNearest(name, known)
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${known.join(', ')}.`
  return cliError('HF_CLI_USAGE', `holdfast sagas has no action "${name}"; ${hint}`, {
    ...(nearest && { fix: `Write holdfast sagas ${nearest}.` }),
  })
}

/** @throws HF_CLI_NOT_MIGRATED */
async function explainMissing(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    // No such table, schema, function or column.
    if (!['42P01', '3F000', '42883', '42703'].includes(readSqlstate(error) ?? '')) throw error
    throw cliError('HF_CLI_NOT_MIGRATED', 'The tables of sagas are not there, or are of an older release.', {
      cause: error,
    })
  }
}

function readReason(options: CommandInput['options']): string | undefined {
  const reason = options['reason']
  return typeof reason === 'string' && reason.trim() !== '' ? reason.trim() : undefined
}

/** Who is logged in to this machine; it stands in the saga's list of actions. */
function readActor(): string {
  try {
    return `cli: ${userInfo().username}`
  } catch {
    // A container may run as a user that its system does not know.
    return 'cli'
  }
}

function readAction({ words, options }: CommandInput): { id: string; actor: string; reason?: string } {
  const reason = readReason(options)
  return { id: words[1] as string, actor: readActor(), ...(reason !== undefined && { reason }) }
}

async function cancelSaga(db: Db, input: CommandInput): Promise<number> {
  const words = { done: 'asked', undone: 'ended', hint: 'It has ended: there is nothing to undo.' }
  return await act(db, input, words, async (operator, { id, ...options }) => await operator.cancel(id, options))
}

async function retrySaga(db: Db, input: CommandInput): Promise<number> {
  const words = { done: 'retried', undone: 'not stuck', hint: 'It goes on by itself, or has ended.' }
  return await act(db, input, words, async (operator, { id, ...options }) => await operator.retry(id, options))
}

async function skipUndo(db: Db, input: CommandInput): Promise<number> {
  const words = { done: 'skipped', undone: '', hint: '' }
  return await act(db, input, words, async (operator, { id, actor, reason = '' }) => {
    await operator.skipUndo(id, input.words[2] as string, reason, { actor })
    return true
  })
}

interface Outcome {
  done: string
  undone: string
  hint: string
}

/** Exit code 1 when nothing came of it. */
async function act(
  db: Db,
  input: CommandInput,
  { done, undone, hint }: Outcome,
  work: (operator: SagasOperator, action: ReturnType<typeof readAction>) => Promise<boolean>,
): Promise<number> {
  const { options, terminal } = input
  const action = readAction(input)
  const isDone = await work(operateSagas(db), action)
  if (options['json']) terminal.printJson({ ...action, isDone })
  else terminal.print(`${isDone ? done : undone}  ${showText(action.id)}`)
  terminal.progress(isDone ? `A worker was told: holdfast sagas show ${showText(action.id)}` : hint)
  return isDone ? 0 : 1
}
