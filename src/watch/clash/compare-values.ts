import type { Trace } from './trace.js'
import { toNumber, toTime } from './values.js'

/** How a value that was written came from one that was read; undefined: it cannot be told. */
export function compareValues(
  written: string,
  read: string,
  trace: Trace,
): 'arithmetic' | 'container' | 'negated' | undefined {
  const [after, before] = [toNumber(written), toNumber(read)]
  if (after !== undefined && before !== undefined) return isArithmetic(after, before, trace) ? 'arithmetic' : undefined
  const [late, early] = [toTime(written), toTime(read)]
  // A deadline that is put off keeps its odd seconds; one that is set anew has others.
  if (late !== undefined && early !== undefined)
    return late !== early && (late - early) % 60_000 === 0 ? 'arithmetic' : undefined
  if ((written === 'true' && read === 'false') || (written === 'false' && read === 'true')) return 'negated'
  return isContained(written, read) ? 'container' : undefined
}

function isArithmetic(after: number, before: number, trace: Trace): boolean {
  const step = Math.abs(after - before)
  if (step === 0) return false
  if (step === 1) return true
  for (const number of listNumbers(trace)) if (Math.abs(Math.abs(number) - step) < 1e-9) return true
  return false
}

function* listNumbers(trace: Trace): Iterable<number> {
  for (const text of trace.inputs.texts) {
    const number = toNumber(text)
    if (number !== undefined) yield number
  }
  for (const { values, rows } of trace.ops) {
    for (const value of values) if (typeof value === 'number' || typeof value === 'string') yield Number(value)
    for (const row of rows)
      for (const text of row.values()) {
        const number = toNumber(text)
        if (number !== undefined) yield number
      }
  }
}

/** `[1,2]` in `[1,2,3]`, `{"a":1}` in `{"a":1,"b":2}`, a text in a longer one; or with something taken out. */
function isContained(written: string, read: string): boolean {
  const [after, before] = [parseJson(written), parseJson(read)]
  if (Array.isArray(after) && Array.isArray(before)) return shareItems(after, before)
  if (isRecord(after) && isRecord(before)) {
    return (
      shareItems(Object.entries(after), Object.entries(before)) || shareItems(Object.keys(after), Object.keys(before))
    )
  }
  if (after !== undefined || before !== undefined) return false
  return read.length >= 3 && written.length > read.length && written.includes(read)
}

function shareItems(after: readonly unknown[], before: readonly unknown[]): boolean {
  const [one, other] = [after, before].map((list) => new Set(list.map((item) => JSON.stringify(item)))) as [
    Set<string>,
    Set<string>,
  ]
  if (one.size === 0 || other.size === 0) return one.size !== other.size
  for (const item of one) if (other.has(item)) return true
  return false
}

function parseJson(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined
  // PostgreSQL's own writing of an array: {a,b}
  if (/^\{[^":]*\}$/.test(text)) return text.slice(1, -1).split(',').filter(Boolean)
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
