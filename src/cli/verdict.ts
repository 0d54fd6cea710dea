import { showText, wrapText, type Terminal } from './terminal.js'

export interface ShownVerdict {
  severity: 'ok' | 'watch' | 'act'
  sentence: string
  fix?: string | undefined
  also: readonly string[]
}

const colours = { ok: 'green', watch: 'yellow', act: 'red' } as const

/** The answer to "is anything wrong?", before any figure. */
export function printVerdict({ severity, sentence, fix, also }: ShownVerdict, terminal: Terminal): void {
  const [first = '', ...more] = wrapText(showText(sentence), terminal.width - 7)
  terminal.print(`${terminal.paint(colours[severity], severity.padEnd(5))}  ${first}`)
  for (const line of more) terminal.print(`       ${line}`)
  if (fix !== undefined)
    for (const line of wrapText(`fix: ${showText(fix)}`, terminal.width, '       ')) terminal.print(line)
  for (const each of also)
    for (const line of wrapText(`also: ${showText(each)}`, terminal.width, '       ')) terminal.print(line)
}
