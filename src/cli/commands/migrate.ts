import { printMigrations, readMigrationStates, type MigrationState } from '../../core/index.js'
import { readList, readNumber, urlOption, type Command } from '../command.js'
import { withDatabase } from '../open-database.js'
import { formatTable, type Terminal } from '../terminal.js'

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'Brings the schema `holdfast` of a database up to date; forward only, safe to run twice and at once.',
  examples: [
    'holdfast migrate',
    'holdfast migrate --status',
    'holdfast migrate --print > holdfast.sql',
    'holdfast migrate --grant-to app',
  ],
  words: [],
  options: {
    url: urlOption,
    print: { type: 'boolean', doc: 'The SQL of all migrations, for another migration tool. Needs no database.' },
    'grant-to': {
      type: 'string',
      value: 'role',
      multiple: true,
      doc: 'A role that gets what a process needs at run time, never DDL; may be repeated, or a list with commas. With --print the grants are printed.',
    },
    'wait-ms': {
      type: 'string',
      value: 'n',
      doc: 'How long to wait for another migration, and for processes that a contract migration would break. Default: 60000.',
    },
    status: { type: 'boolean', doc: 'What is applied and what is missing. Exit code 1 when something is.' },
  },
  run: async (input) => {
    const { options, terminal } = input
    const grantTo = readList(options['grant-to'])
    const waitMs = readNumber(input, 'wait-ms', 60_000)
    if (options['print']) {
      terminal.print(printMigrations(undefined, grantTo).trimEnd())
      return 0
    }
    const url = options['url'] as string | undefined
    const json = options['json'] === true
    return await withDatabase(url, async (db) => {
      if (options['status']) return showStatus(await readMigrationStates(db), json, terminal)
      const { applied } = await db.migrate({ grantTo, waitMs })
      if (json) terminal.printJson({ applied, ...(grantTo.length > 0 && { grantedTo: grantTo }) })
      else if (applied.length === 0) terminal.print('Nothing to do: all migrations are applied.')
      else for (const name of applied) terminal.print(`applied  ${name}`)
      if (!json) for (const role of grantTo) terminal.print(`granted  ${role}`)
      return 0
    })
  },
}

function showStatus(states: readonly MigrationState[], json: boolean, terminal: Terminal): number {
  const missing = states.filter(({ state }) => state !== 'applied').length
  if (json) terminal.printJson({ migrations: states, upToDate: missing === 0 })
  else {
    const rows = states.map((each) => [each.name, each.class, each.state, each.appliedAt?.toISOString() ?? ''])
    const columns = [{ title: 'migration' }, { title: 'class' }, { title: 'state' }, { title: 'applied' }]
    for (const line of formatTable(columns, rows)) terminal.print(line)
    terminal.print(missing === 0 ? 'Up to date.' : `${missing} not as this package expects. Next: holdfast migrate`)
  }
  return missing === 0 ? 0 : 1
}
