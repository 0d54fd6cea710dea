import { coreError } from './error-table.js'

/** A piece of SQL with its parameters, made by `sql` and nested into other templates. */
export class SqlFragment {
  readonly strings: readonly string[]
  readonly values: readonly unknown[]

  constructor(strings: readonly string[], values: readonly unknown[]) {
    this.strings = strings
    this.values = values
  }
}

/** Makes a fragment to nest into another template: sql`where id = ${id}`. Values become parameters, never text. */
export function sql(strings: TemplateStringsArray, ...values: readonly unknown[]): SqlFragment {
  return new SqlFragment(strings, values)
}

/** A table or column name, quoted. Dots are part of the name: write two identifiers for schema and table. */
sql.id = function quoteIdentifier(name: string): SqlFragment {
  return new SqlFragment([`"${name.replaceAll('"', '""')}"`], [])
}

export interface Statement {
  text: string
  values: unknown[]
}

// A template without nested fragments always gives the same text: built once per call site.
const texts = new WeakMap<readonly string[], string>()

/** Turns a template into text with $1…$n. @throws HF_SQL_PARAMETER_UNDEFINED */
export function buildStatement(strings: readonly string[], values: readonly unknown[]): Statement {
  if (values.some((value) => value instanceof SqlFragment)) return flatten(strings, values)
  values.forEach(refuseUndefined)
  let text = texts.get(strings)
  if (text === undefined) {
    text = strings.reduce((before, part, index) => `${before}$${index}${part}`)
    texts.set(strings, text)
  }
  return { text, values: values as unknown[] }
}

function flatten(strings: readonly string[], values: readonly unknown[]): Statement {
  const collected: unknown[] = []
  const write = (parts: readonly string[], inner: readonly unknown[]): string =>
    parts.reduce((before, part, index) => {
      const value = inner[index - 1]
      if (value instanceof SqlFragment) return before + write(value.strings, value.values) + part
      refuseUndefined(value, collected.length)
      collected.push(value)
      return `${before}$${collected.length}${part}`
    })
  return { text: write(strings, values), values: collected }
}

/** undefined would become NULL, and `where id = NULL` silently matches nothing. */
function refuseUndefined(value: unknown, index: number): void {
  if (value === undefined) {
    throw coreError('HF_SQL_PARAMETER_UNDEFINED', `Parameter $${index + 1} of the template is undefined.`)
  }
}
