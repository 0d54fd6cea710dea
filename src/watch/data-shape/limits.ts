// Strings, quoted names and comments are stepped over.
const token =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|[()]|[A-Za-z_]\w*/g

const reading = new Set(['select', 'with', 'table', 'values'])

/**
 * Whether a statement reads as many rows as there are. A limit bounds it at its end, and in a table that it selects from,
 * as those who page through parents write it; one that is lateral bounds the children of each parent only.
 */
export function isUnbounded(text: string): boolean {
  const enclosing: ('bounds' | 'does not')[] = []
  let previous = ''
  let first: string | undefined
  for (const [match] of text.matchAll(token)) {
    const start = match[0] as string
    if (start === "'" || start === '$' || match.startsWith('--') || match.startsWith('/*')) continue
    const word = match.toLowerCase()
    if (word === '(') enclosing.push(opensTable(previous, enclosing.at(-1)) ? 'bounds' : 'does not')
    else if (word === ')') enclosing.pop()
    else if ((word === 'limit' || word === 'fetch') && first !== undefined && !enclosing.includes('does not'))
      return false
    else first ??= word
    previous = word
  }
  return first !== undefined && reading.has(first)
}

function opensTable(previous: string, outer: 'bounds' | 'does not' | undefined): boolean {
  if (outer === 'does not') return false
  return ['', '(', 'from', 'join', 'in', 'as', 'materialized', 'all', 'union'].includes(previous)
}
