import { coreError } from './error-table.js'

/** What an option may be. One table per options object: it validates, and `docs/options.md` is made from it. */
export interface OptionSpec {
  type: 'string' | 'number' | 'boolean' | 'object' | 'array' | 'function'
  /** The only strings allowed. */
  values?: readonly string[]
  /** Inclusive, for numbers. */
  min?: number
  max?: number
  unit?: string
  /** As shown in the docs. */
  default: string
  doc: string
  /** For `object`: the options inside. */
  fields?: OptionTable
}

export type OptionTable = Readonly<Record<string, OptionSpec>>

/**
 * Checks names, types and ranges of an options object; undefined values count as absent.
 * @throws HF_OPTIONS_UNKNOWN with the nearest name that exists, HF_OPTIONS_INVALID
 */
export function validateOptions(of: string, given: object, table: OptionTable): void {
  for (const [name, value] of Object.entries(given)) {
    const spec = Object.hasOwn(table, name) ? table[name] : undefined
    if (!spec) throw unknownOption(of, name, Object.keys(table))
    if (value !== undefined) validateValue(`${of}.${name}`, value, spec)
  }
}

function unknownOption(of: string, name: string, known: string[]) {
  const nearest = findNearest(name, known)
  const hint = nearest ? `did you mean \`${nearest}\`?` : `it takes ${known.map((each) => `\`${each}\``).join(', ')}.`
  return coreError('HF_OPTIONS_UNKNOWN', `${of} has no option \`${name}\`; ${hint}`, {
    details: { of, name, nearest },
    ...(nearest && { fix: `Write \`${nearest}\` instead of \`${name}\`.` }),
  })
}

function validateValue(path: string, value: unknown, spec: OptionSpec): void {
  if ((Array.isArray(value) ? 'array' : typeof value) !== spec.type || value === null) {
    throw coreError(
      'HF_OPTIONS_INVALID',
      `${path} must be ${spec.type === 'array' ? 'an' : 'a'} ${spec.type}, it is ${describeType(value)}.`,
    )
  }
  if (typeof value === 'string' && spec.values && !spec.values.includes(value)) {
    const nearest = findNearest(value, spec.values)
    const hint = nearest
      ? `did you mean "${nearest}"?`
      : `it takes ${spec.values.map((each) => `"${each}"`).join(', ')}.`
    throw coreError('HF_OPTIONS_INVALID', `${path} cannot be "${value}"; ${hint}`)
  }
  if (typeof value === 'number') validateRange(path, value, spec)
  if (spec.fields) validateOptions(path, value as object, spec.fields)
}

function validateRange(path: string, value: number, { min = -Infinity, max = Infinity, unit }: OptionSpec): void {
  if (value >= min && value <= max) return
  const range = max === Infinity ? `at least ${min}` : `between ${min} and ${max}`
  throw coreError('HF_OPTIONS_INVALID', `${path} must be ${range}${unit ? ` ${unit}` : ''}, it is ${value}.`)
}

function describeType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

/** The known word that a typing slip most likely meant, or undefined when none is near. */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = measureDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Edits that turn `a` into `b`, a swap of neighbours counting as one (optimal string alignment). */
function measureDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replace = (last[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1)
      let cost = Math.min((last[column] as number) + 1, (current[column - 1] as number) + 1, replace)
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] as number) + 1)
      current.push(cost)
    }
    ;[beforeLast, last] = [last, current]
  }
  return last[b.length] as number
}
