import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where a command writes: results on stdout, progress on stderr, colour only for a terminal that wants it. */
export interface Terminal {
  /** One line of the result. */
  print(line: string): void
  /** The whole result as one document. */
  printJson(document: unknown): void
  /** One line about what is going on. */
  progress(line: string): void
  paint(style: Style, text: string): string
  readonly width: number
  readonly isUnicode: boolean
}

export function openTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const isColoured = wantsColour(env)
  // `holdfast watch | head` has what it wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  return {
    print: (line) => void process.stdout.write(`${line}\n`),
    printJson: (document) => void process.stdout.write(`${JSON.stringify(document, null, 2)}\n`),
    progress: (line) => void process.stderr.write(`${line}\n`),
    paint: (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text),
    width: Math.min(process.stdout.columns ?? 80, 100),
    isUnicode: /utf-?8/i.test(env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? 'UTF-8'),
  }
}

function wantsColour(env: NodeJS.ProcessEnv): boolean {
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return process.stdout.isTTY && env['TERM'] !== 'dumb'
}

export interface Column {
  title: string
  align?: 'left' | 'right'
}

/** A table with columns as wide as their content; numbers belong to the right. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  )
  const formatRow = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const [cell, width] = [cells[index] ?? '', widths[index] as number]
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [formatRow(columns.map(({ title }) => title)), ...rows.map(formatRow)]
}

/** Breaks text at spaces into lines of at most `width`, each after `indent`. */
export function wrapText(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(/\s+/)) {
    const isFirst = line === indent
    if (!isFirst && line.length + 1 + word.length > width) {
      lines.push(line)
      line = indent + word
    } else line += isFirst ? word : ` ${word}`
  }
  lines.push(line)
  return lines
}

/** A table whose first column holds names: one that would make a row too wide stands on a line of its own, unbroken. */
export function formatNamedTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const [first, ...others] = formatTable(
    columns.slice(1),
    rows.map((row) => row.slice(1)),
  )
  const title = columns[0]?.title ?? ''
  const room = width - 2 - Math.max(...[first, ...others].map((line = '') => line.length))
  const names = rows.map(([name = '']) => name)
  const nameWidth = Math.max(title.length, ...names.map(({ length }) => length).filter((length) => length <= room))
  const lines = others.map((line, index) => {
    const name = names[index] as string
    return name.length <= nameWidth
      ? [`${name.padEnd(nameWidth)}  ${line}`]
      : [name, `${''.padEnd(nameWidth)}  ${line}`]
  })
  return [`${title.padEnd(nameWidth)}  ${first ?? ''}`, ...lines.flat()]
}

/** Text of others, such as a queue's name, without the control characters that could drive the terminal. */
export function showText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '\u{FFFD}')
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** The largest unit that fits, as in `3 h`: a glance is enough to tell seconds from days. */
export function formatAge(ms: number): string {
  const [unit, size] = units.find(([, each]) => ms >= each) ?? (['ms', 1] as const)
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`
}
