import { parseArgs } from 'node:util'
import { findNearest } from '../core/index.js'
import { cliError } from './errors.js'
import { wrapText, type Terminal } from './terminal.js'

export interface CommandOption {
  type: 'string' | 'boolean'
  /** Shown in help: `--seed <n>`. */
  value?: string
  /** May be given more than once; the values are joined. */
  multiple?: boolean
  /** Stands between them. Default: a comma. */
  separator?: string
  doc: string
}

export interface CommandInput {
  /** Words that are not options. */
  words: string[]
  /** What follows `--`, untouched. */
  rest: string[]
  options: Record<string, string | boolean | undefined>
  terminal: Terminal
}

export interface Command {
  name: string
  /** One line for the list of commands. */
  summary: string
  /** Shown first in its help: examples teach faster than syntax. */
  examples: readonly string[]
  options: Readonly<Record<string, CommandOption>>
  /** Names of the words it takes, for usage and for refusing more; a last one that ends with … may be given many times. */
  words: readonly string[]
  /** Gives the exit code: 0 ok, 1 a check failed. Errors of ours bring their own. */
  run(input: CommandInput): Promise<number>
}

/** Every command has these. */
export const commonOptions: Readonly<Record<string, CommandOption>> = {
  json: { type: 'boolean', doc: 'The result as one JSON document on stdout.' },
  help: { type: 'boolean', doc: 'This text.' },
}

/** A database command has this one too. */
export const urlOption: CommandOption = {
  type: 'string',
  value: 'url',
  doc: 'The database. Default: DATABASE_DIRECT_URL, DATABASE_URL, else the embedded PostgreSQL.',
}

/** @throws HF_CLI_USAGE with the nearest option that exists */
export function parseCommand(command: Command, args: readonly string[]): Omit<CommandInput, 'terminal'> {
  const cut = args.indexOf('--')
  const own = cut === -1 ? args : args.slice(0, cut)
  const options = { ...command.options, ...commonOptions }
  refuseUnknown(command, own, Object.keys(options))
  try {
    const { values, positionals: marked } = parseArgs({ args: own.map(markNumber), options, allowPositionals: true })
    const positionals = marked.map(unmarkNumber)
    const takesMany = command.words.at(-1)?.endsWith('…') === true
    if (!takesMany && positionals.length > command.words.length) {
      throw new Error(`Unexpected "${positionals[command.words.length] ?? ''}".`)
    }
    return { words: positionals, rest: cut === -1 ? [] : args.slice(cut + 1), options: joinRepeated(values, options) }
  } catch (error) {
    const message = error instanceof Error ? error.message.replace(/\. To specify.*$/s, '.') : String(error)
    throw cliError('HF_CLI_USAGE', `holdfast ${command.name}: ${message}`)
  }
}

/** An id of a statement may be below 0, and is no option. No argument of a program holds a NUL. */
const markNumber = (arg: string): string => (/^-\d+$/.test(arg) ? `\0${arg}` : arg)
const unmarkNumber = (arg: string): string => arg.replace(/^\0/, '')
const unmark = (value: unknown): unknown => (typeof value === 'string' ? unmarkNumber(value) : value)

function joinRepeated(
  values: Record<string, unknown>,
  options: Command['options'],
): Record<string, string | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(unmark).join(options[name]?.separator ?? ',') : unmark(value),
    ]),
  ) as Record<string, string | boolean | undefined>
}

/** The names in a list such as `app,reports`, in order. */
export function readList(given: string | boolean | undefined): string[] {
  const names = typeof given === 'string' ? given.split(',').map((name) => name.trim()) : []
  return names.filter((name) => name !== '')
}

function refuseUnknown(command: Command, args: readonly string[], known: string[]): void {
  for (const arg of args) {
    const name = /^--(?:no-)?([^=]+)/.exec(arg)?.[1]
    if (name === undefined || known.includes(name)) continue
    const nearest = findNearest(name, known)
    const hint = nearest ? `did you mean --${nearest}?` : `it takes ${known.map((each) => `--${each}`).join(', ')}.`
    throw cliError('HF_CLI_USAGE', `holdfast ${command.name} has no option --${name}; ${hint}`, {
      ...(nearest && { fix: `Write --${nearest}.` }),
    })
  }
}

/** A whole number option. @throws HF_CLI_USAGE */
export function readNumber(input: Pick<CommandInput, 'options'>, name: string, fallback: number): number {
  const given = input.options[name]
  if (given === undefined) return fallback
  const value = Number(given)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw cliError('HF_CLI_USAGE', `--${name} takes a whole number from 0, it is "${String(given)}".`)
}

export function formatHelp(command: Command, terminal: Terminal): string[] {
  const usage = ['holdfast', command.name, ...command.words.map((word) => `[${word}]`), '[options]'].join(' ')
  const rows = Object.entries({ ...command.options, ...commonOptions }).map(
    ([name, { value, doc }]): [string, string] => [`--${name}${value ? ` <${value}>` : ''}`, doc],
  )
  const width = Math.max(...rows.map(([flag]) => flag.length))
  return [
    ...wrapText(command.summary, terminal.width),
    '',
    ...command.examples.map((example) => `  ${terminal.paint('bold', example)}`),
    '',
    `Usage: ${usage}`,
    '',
    ...rows.flatMap(([flag, doc]) => {
      const [first = '', ...more] = wrapText(doc, terminal.width - width - 4)
      return [`  ${flag.padEnd(width)}  ${first}`, ...more.map((line) => `${' '.repeat(width + 4)}${line}`)]
    }),
  ]
}
