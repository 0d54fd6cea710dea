import { findNearest } from '../../core/index.js'
import { urlOption, type Command, type CommandInput } from '../command.js'
import { cliError } from '../errors.js'
import type { ClashAction } from './clash-action.js'
import { listAction } from './clash-list.js'
import { replayAction } from './clash-replay.js'
import { showAction } from './clash-show.js'

const actions: Readonly<Record<string, ClashAction>> = {
  list: listAction,
  show: showAction,
  replay: replayAction,
}

export const clashCommand: Command = {
  name: 'clash',
  summary: 'Lists pairs of requests that can collide, ranked by how often they really met; shows one; replays one.',
  examples: [
    'holdfast clash',
    'holdfast clash --protected',
    ...Object.values(actions).flatMap(({ example }) => example),
  ],
  words: ['action', 'id'],
  options: Object.assign(
    { url: urlOption },
    ...Object.values(actions).map(({ options }) => options),
  ) as Command['options'],
  run: async (input) => await findAction(input).run(input),
}

/** Everything that can be refused without a database. @throws HF_CLI_USAGE */
function findAction({ words: [name = 'list', ...rest], options }: CommandInput): ClashAction {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action === undefined) throw describeUnknown(name)
  const known = new Set(['url', 'json', 'help', ...Object.keys(action.options)])
  for (const option of Object.keys(options))
    if (!known.has(option)) throw cliError('HF_CLI_USAGE', `holdfast clash ${name} takes no --${option}.`)
  if (rest.length > 1 || (action.takesId !== 'may' && (rest.length === 1) !== action.takesId))
    throw cliError(
      'HF_CLI_USAGE',
      `holdfast clash ${name} takes ${action.takesId === false ? 'no word' : 'the id of one pair'}.`,
    )
  return action
}

function describeUnknown(name: string) {
  const known = Object.keys(actions)
  const nearest = /^[0-9a-f]{8}$/.test(name) ? `show ${name}` : findNearest(name, known)
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${known.join(', ')}.`
  return cliError('HF_CLI_USAGE', `holdfast clash has no action "${name}"; ${hint}`, {
    ...(nearest && { fix: `Write holdfast clash ${nearest}.` }),
  })
}
