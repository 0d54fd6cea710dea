import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

const width = 11

/** Shows a child's log lines for people: `  seed        seed progress  part=customers done=40 of=120`, on stderr. */
export function relayLines(child: ChildProcess, name: string): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      process.stderr.write(`  ${name.padEnd(width)}${describeLine(line)}\n`)
    })
  }
}

/** A line that is not one of pino's is shown as it is: a crash's stack must not be lost. */
function describeLine(line: string): string {
  const entry = parseEntry(line)
  if (!entry) return line
  const hidden = new Set(['level', 'time', 'pid', 'name', 'msg'])
  const fields = Object.entries(entry)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${String(entry['msg'])}  ${fields.join(' ')}`.trimEnd()
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const entry: unknown = JSON.parse(line)
    return typeof entry === 'object' && entry !== null && 'msg' in entry ? { ...entry } : undefined
  } catch {
    return undefined
  }
}
