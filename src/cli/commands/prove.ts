import { experiments, findExperiment, runExperiment, type ProveDocument, type SideResult } from '../../prove/index.js'
import { readNumber, urlOption, type Command } from '../command.js'
import { resolveUrl } from '../open-database.js'
import { formatTable, wrapText, type Terminal } from '../terminal.js'

/** A side of half-done-order prepares transactions, which no server allows by default. */
const serverSettings = { max_prepared_transactions: '50' }

export const proveCommand: Command = {
  name: 'prove',
  summary: 'Runs an experiment: the naive code, its usual cures and holdfast under the same load, judged alike.',
  examples: ['holdfast prove', 'holdfast prove oversell', 'holdfast prove lost-commit --json'],
  words: ['experiment'],
  options: {
    url: { ...urlOption, doc: `${urlOption.doc} Uses a schema or database of its own there.` },
    seed: { type: 'string', value: 'n', doc: 'The same seed gives the same load. Default: 1.' },
  },
  run: async (input) => {
    const { words, options, terminal } = input
    if (words[0] === undefined) return listExperiments(options['json'] === true, terminal)
    const experiment = findExperiment(words[0])
    const seed = readNumber(input, 'seed', 1)
    const { url, stop } = await resolveUrl(options['url'] as string | undefined, serverSettings)
    try {
      const onSide = ({ name, what }: { name: string; what: string }) => terminal.progress(`running ${name}: ${what}`)
      const document = await runExperiment(experiment, { url, seed, onSide })
      if (options['json']) terminal.printJson(document)
      else showDocument(document, terminal)
      return document.proven ? 0 : 1
    } finally {
      await stop()
    }
  },
}

function listExperiments(json: boolean, terminal: Terminal): number {
  const list = experiments.map(({ name, story }) => ({ name, story }))
  if (json) terminal.printJson({ experiments: list })
  else {
    for (const { name, story } of list) {
      terminal.print(terminal.paint('bold', name))
      for (const line of wrapText(story, terminal.width, '  ')) terminal.print(line)
    }
    terminal.print('Next: holdfast prove oversell')
  }
  return 0
}

function showDocument(document: ProveDocument, terminal: Terminal): void {
  for (const line of wrapText(document.story, terminal.width)) terminal.print(line)
  terminal.print('')
  const names = [...new Set(document.sides.flatMap(({ figures }) => Object.keys(figures)))]
  const columns = [{ title: '' }, ...document.sides.map(({ name }) => ({ title: name, align: 'right' as const }))]
  const rows = names.map((name) => [name, ...document.sides.map(({ figures }) => String(figures[name] ?? ''))])
  for (const line of formatTable(columns, rows)) terminal.print(line)
  for (const side of document.sides) showInvariants(side, terminal)
  terminal.print('')
  for (const line of wrapText(document.verdict, terminal.width)) terminal.print(terminal.paint('bold', line))
  const { machine, versions, seed } = document
  terminal.print(`seed ${seed} · ${machine.cpus} cores · node ${versions['node']} · PostgreSQL ${versions['postgres']}`)
  const held = document.sides.filter(({ invariants }) => invariants.every((each) => each.held)).length
  terminal.print(`${held} of ${document.sides.length} sides kept every invariant`)
}

function showInvariants({ name, invariants }: SideResult, terminal: Terminal): void {
  terminal.print('')
  terminal.print(terminal.paint('bold', name))
  for (const invariant of invariants) {
    const [mark, style] = invariant.held ? (['held  ', 'green'] as const) : (['BROKEN', 'red'] as const)
    const detail = invariant.detail === '' ? '' : `: ${invariant.detail}`
    const [first = '', ...more] = wrapText(`${invariant.name}${detail}`, terminal.width, ' '.repeat(9))
    terminal.print(`  ${terminal.paint(style, mark)} ${first.trimStart()}`)
    for (const line of more) terminal.print(line)
  }
}
