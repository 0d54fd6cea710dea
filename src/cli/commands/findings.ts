import { inspectWatch } from '../../watch/index.js'
import { readNumber, urlOption, type Command } from '../command.js'
import { printFinding } from '../finding-text.js'
import { withDatabase } from '../open-database.js'
import { readSince } from '../since.js'

export const findingsCommand: Command = {
  name: 'findings',
  summary: 'Lists what watch has found: flipped plans, multiplied rows, statements asked for one by one.',
  examples: ['holdfast findings', 'holdfast findings --since 7d', 'holdfast findings --json'],
  words: [],
  options: {
    url: urlOption,
    since: { type: 'string', value: 'time', doc: 'Seen again since then, such as 30m or 7d. Default: 24h.' },
    limit: { type: 'string', value: 'n', doc: 'At most so many. Default: 100.' },
  },
  /** Exit code 1 when somebody should act. */
  run: async (input) => {
    const since = new Date(Date.now() - readSince(input.options['since'], '24h'))
    const limit = readNumber(input, 'limit', 100)
    const { options, terminal } = input
    const found = await withDatabase(options['url'] as string | undefined, async (db) =>
      inspectWatch(db).findings({ since, limit }),
    )
    const isToAct = found.findings.some(({ severity }) => severity === 'act')
    if (options['json']) {
      terminal.printJson(found)
      return isToAct ? 1 : 0
    }
    for (const finding of found.findings) printFinding(finding, terminal)
    if (found.findings.length === 0) {
      terminal.print('Nothing was found in this time.')
      terminal.print('Processes that call `watch(db)` of holdfast/watch look; longer ago: --since 7d')
    }
    return isToAct ? 1 : 0
  },
}
