import { printMigrations, readMigrationStates, type MigrationState } from '../../core/index.js'
import { urlOption, type Command } from '../command.js'
import { withDatabase } from '../open-database.js'
import { formatTable, type Terminal } from '../terminal.js'

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'Brings the schema `holdfast` of a database up to date; forward only, safe to run twice and at once.',
  examples: ['holdfast migrate', 'holdfast migrate --status', 'holdfast migrate --print > holdfast.sql'],
  words: [],
  options: {
    url: urlOption,
    print: { type: 'boolean', doc: 'The SQL of all migrations, for another migration tool. Needs no database.' },
    status: { type: 'boolean', doc: 'What is applied and what is missing. Exit code 1 when something is.' },
  },
  run: async ({ options, terminal }) => {
    if (options['print']) {
      terminal.print(printMigrations().trimEnd())
      return 0
    }
    const url = options['url'] as string | undefined
    const json = options['json'] === true
    return await withDatabase(url, async (db) => {
      if (options['status']) return showStatus(await readMigrationStates(db), json, terminal)
      const { applied } = await db.migrate()
      if (json) terminal.printJson({ applied })
      else if (applied.length === 0) terminal.print('Nothing to do: all migrations are applied.')
      else for (const name of applied) terminal.print(`applied  ${name}`)
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
