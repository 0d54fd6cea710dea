import { findNearest, type ErrorEntry } from '../../core/index.js'
import type { Command } from '../command.js'
import { errorModules } from '../error-modules.js'
import { cliError } from '../errors.js'
import { wrapText, type Terminal } from '../terminal.js'

const all = errorModules.flatMap(({ module, table }) =>
  Object.entries(table).map(([code, entry]): { module: string; code: string; entry: ErrorEntry } => ({
    module,
    code,
    entry,
  })),
)

export const errorsCommand: Command = {
  name: 'errors',
  summary: 'Explains an error code: what happened, when it is met, how to fix it.',
  examples: ['holdfast errors HF_TX_ABORTED', 'holdfast errors pool'],
  words: ['code'],
  options: {},
  run: async ({ words: [word], options, terminal }) => {
    const found = word === undefined ? all : findErrors(word)
    if (options['json']) terminal.printJson(found.map(({ module, code, entry }) => ({ code, module, ...entry })))
    else if (found.length === 1) explain(found[0] as (typeof all)[number], terminal)
    else
      for (const { code, entry } of found) terminal.print(`${terminal.paint('bold', code.padEnd(34))} ${entry.summary}`)
    return await Promise.resolve(0)
  },
}

/** The code itself, else every code that contains the word. */
function findErrors(word: string) {
  const wanted = word.toUpperCase().replaceAll('-', '_')
  const exact = all.filter(({ code }) => code === wanted || code === `HF_${wanted}`)
  const found = exact.length > 0 ? exact : all.filter(({ code }) => code.includes(wanted))
  if (found.length > 0) return found
  const nearest = findNearest(
    wanted,
    all.map(({ code }) => code),
  )
  throw cliError(
    'HF_CLI_ERROR_UNKNOWN',
    `No error has the code "${word}"${nearest ? `; did you mean ${nearest}?` : '.'}`,
  )
}

function explain({ code, entry }: (typeof all)[number], terminal: Terminal): void {
  terminal.print(terminal.paint('bold', code))
  for (const line of wrapText(entry.summary, terminal.width)) terminal.print(line)
  terminal.print('')
  for (const line of wrapText(entry.when, terminal.width)) terminal.print(line)
  terminal.print('')
  for (const line of wrapText(`fix: ${entry.fix}`, terminal.width)) terminal.print(line)
  const retry = entry.retryable ? 'may be retried' : 'not retried by itself'
  terminal.print(`     ${retry} · HTTP ${entry.status ?? 500} · exit code ${entry.exitCode ?? 1}`)
}
