import type { ReplayStep } from '../types.js'

const WIDTH = 80

/** Who did what when, one column for each request. At most 80 characters wide. */
export function drawSchedule(names: readonly [string, string], steps: readonly ReplayStep[], end: string): string {
  const half = Math.floor((WIDTH - 3) / 2)
  const row = (left: string, right: string) => `${left.padEnd(half)} | ${right}`.trimEnd()
  const cut = (text: string) => (text.length > half ? `${text.slice(0, half - 1)}…` : text)
  const lines = [row(cut(`A  ${names[0]}`), cut(`B  ${names[1]}`)), row('-'.repeat(half), '-'.repeat(half))]
  for (const { side, text, event, code } of steps) {
    const word = event === 'waits' ? '… waits: ' : event === 'failed' ? `✗ ${code ?? ''}: ` : ''
    const cell = cut(`${word}${shorten(text)}`)
    lines.push(side === 'A' ? row(cell, '') : row('', cell))
  }
  return [...lines, ...wrap(end)].join('\n')
}

/** A statement's beginning and what follows FROM, INTO or WHERE tell it; lists of columns do not. Literals are left out. */
function shorten(text: string): string {
  const line = text
    .replaceAll(/\/\*[\s\S]*?\*\//g, ' ')
    .replaceAll(/'(?:[^']|'')*'/g, '?')
    .replaceAll(/"/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return line.replace(/^select .{12,}? from /i, 'select … from ')
}

function wrap(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > WIDTH) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
