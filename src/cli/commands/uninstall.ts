import { dropSchemaText, listLiveInstances, readCatalog, uninstall, type Db } from '../../core/index.js'
import { urlOption, type Command } from '../command.js'
import { withDatabase } from '../open-database.js'
import type { Terminal } from '../terminal.js'

export const uninstallCommand: Command = {
  name: 'uninstall',
  summary: 'Drops the schema `holdfast` with all its data, grants and default privileges; nothing is left behind.',
  examples: ['holdfast uninstall', 'holdfast uninstall --yes'],
  words: [],
  options: {
    url: urlOption,
    yes: {
      type: 'boolean',
      doc: 'Really do it. Without it the SQL is shown, nothing changes, and the exit code is 2.',
    },
  },
  run: async ({ options, terminal }) =>
    await withDatabase(options['url'] as string | undefined, async (db) => {
      const found = await describeSchema(db)
      const isDone = options['yes'] === true
      if (isDone) await uninstall(db)
      if (options['json']) terminal.printJson({ sql: dropSchemaText, ...found, dropped: isDone })
      else show(found, isDone, terminal)
      return isDone ? 0 : 2
    }),
}

interface Found {
  tables: string[]
  /** Processes that use it now: they go on, and report the schema as missing. */
  instances: number
}

async function describeSchema(db: Db): Promise<Found> {
  const tables = (await readCatalog(db)).filter(({ kind }) => kind === 'table').map(({ name }) => name)
  const instances = tables.includes('core_instances') ? (await listLiveInstances(db)).length : 0
  return { tables, instances }
}

function show({ tables, instances }: Found, isDone: boolean, terminal: Terminal): void {
  terminal.print(dropSchemaText)
  const what = `${tables.length} tables${tables.length > 0 ? ` (${tables.join(', ')})` : ''}`
  if (instances > 0) terminal.progress(`${instances} processes use it now; they will find the schema missing.`)
  terminal.progress(isDone ? `Dropped: ${what}.` : `Would drop ${what}. Nothing was changed; --yes does it.`)
}
