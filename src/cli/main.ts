import { findNearest, isHoldfastError, packageVersion, readSqlstate } from '../core/index.js'
import { formatHelp, parseCommand, type Command } from './command.js'
import { clashCommand } from './commands/clash.js'
import { devCommand } from './commands/dev.js'
import { doctorCommand } from './commands/doctor.js'
import { errorsCommand } from './commands/errors.js'
import { findingsCommand } from './commands/findings.js'
import { jobsCommand } from './commands/jobs.js'
import { locksCommand } from './commands/locks.js'
import { migrateCommand } from './commands/migrate.js'
import { proveCommand } from './commands/prove.js'
import { queryCommand } from './commands/query.js'
import { sagasCommand } from './commands/sagas.js'
import { scanCommand } from './commands/scan.js'
import { watchCommand } from './commands/watch.js'
import { uninstallCommand } from './commands/uninstall.js'
import { cliError } from './errors.js'
import { openTerminal, wrapText, type Terminal } from './terminal.js'

const commands: readonly Command[] = [
  devCommand,
  migrateCommand,
  doctorCommand,
  proveCommand,
  jobsCommand,
  locksCommand,
  sagasCommand,
  watchCommand,
  queryCommand,
  findingsCommand,
  clashCommand,
  scanCommand,
  errorsCommand,
  uninstallCommand,
]

/** The program `holdfast`: runs one command and sets the exit code. 0 ok, 1 a check failed, 2 usage, 3 no database. */
export async function runMain(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const terminal = openTerminal()
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  try {
    process.exitCode = await runCommand(args, terminal)
  } catch (error) {
    process.exitCode = showError(error, own.includes('--json'), terminal)
  }
}

async function runCommand([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    return showHelp(args[0], terminal)
  }
  if (name === '--version' || name === '-v') {
    terminal.print(packageVersion)
    return 0
  }
  const command = findCommand(name)
  const input = parseCommand(command, args)
  if (input.options['help']) return showHelp(command.name, terminal)
  return await command.run({ ...input, terminal })
}

/** @throws HF_CLI_USAGE with the nearest command that exists */
function findCommand(name: string): Command {
  const found = commands.find((each) => each.name === name)
  if (found) return found
  const names = commands.map((each) => each.name)
  const nearest = findNearest(name, names)
  const hint = nearest ? `did you mean "${nearest}"?` : `there are ${names.join(', ')}.`
  throw cliError('HF_CLI_USAGE', `There is no command "${name}"; ${hint}`)
}

function showHelp(name: string | undefined, terminal: Terminal): number {
  if (name !== undefined) {
    for (const line of formatHelp(findCommand(name), terminal)) terminal.print(line)
    return 0
  }
  terminal.print(`holdfast ${packageVersion}: finds, reproduces and fixes what fails only under load`)
  terminal.print('')
  for (const { name: each, summary } of commands) {
    const [first = '', ...more] = wrapText(summary, terminal.width - 13)
    terminal.print(`  ${terminal.paint('bold', each.padEnd(9))}  ${first}`)
    for (const line of more) terminal.print(`             ${line}`)
  }
  terminal.print('')
  terminal.print('`holdfast <command> --help` shows its options.')
  terminal.print('Exit codes: 0 ok, 1 a check failed, 2 usage, 3 no database.')
  return 0
}

function showError(error: unknown, json: boolean, terminal: Terminal): number {
  const { code, message, fix, docs, exitCode } = describeError(error)
  if (json) terminal.printJson({ error: { code, message, fix, docs } })
  const [first = '', ...more] = wrapText(message, terminal.width - code.length - 2)
  terminal.progress(`${terminal.paint('red', code)}  ${first}`)
  for (const line of more) terminal.progress(`${' '.repeat(code.length)}  ${line}`)
  if (fix) for (const line of wrapText(`fix: ${fix}`, terminal.width)) terminal.progress(line)
  if (docs) terminal.progress(`more: holdfast errors ${code}`)
  return exitCode
}

function describeError(error: unknown) {
  if (isHoldfastError(error)) return error
  // A bug of ours or an answer of the server that has no code of ours yet: its own words and the line.
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: readSqlstate(error) ?? 'ERROR', message, fix: '', docs: '', exitCode: 1 }
}
