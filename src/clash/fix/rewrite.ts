export type Identify = (text: string) => string

/** Behind the statement, and before its semicolon. */
export const appendClause = (text: string, clause: string): string => `${text.replace(/[;\s]+$/, '')} ${clause}`

/** One that FOR UPDATE can stand behind. */
export const isPlainSelect = (text: string): boolean =>
  /^\s*select\b/i.test(text) &&
  !/\b(group by|having|union|intersect|except|distinct|for (no key )?update|for share)\b/i.test(text)

/** One more condition of an UPDATE or DELETE; undefined: it has no place for one. */
export function addCondition(text: string, condition: string | undefined): string | undefined {
  if (condition === undefined || condition === '' || !/\bwhere\b/i.test(text)) return undefined
  const bare = text.replace(/[;\s]+$/, '')
  const returning = /\breturning\b(?![\s\S]*\bwhere\b)/i.exec(bare)
  const [head, tail] = returning ? [bare.slice(0, returning.index), bare.slice(returning.index)] : [bare, '']
  // What was there may have an OR.
  const at = findWhere(head)
  if (at < 0) return undefined
  return `${head.slice(0, at)}where (${head.slice(at + 5).trim()}) and (${condition}) ${tail}`.trim()
}

/** The last WHERE that is in no brackets. */
function findWhere(text: string): number {
  let depth = 0
  let found = -1
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++
    if (text[at] === ')') depth--
    if (depth === 0 && /^where\b/i.test(text.slice(at, at + 6)) && !/\w/.test(text[at - 1] ?? ' ')) found = at
  }
  return found
}

/** Of `n = n - $1`: `n >= $1`. */
export function makeRelative(text: string, column: string): string | undefined {
  const name = `"?${column.replaceAll(/[^\w]/g, '')}"?`
  const found = new RegExp(`${name}\\s*=\\s*(?:"?\\w+"?\\.)?${name}\\s*-\\s*(\\$\\d+(?:::\\w+)?|\\d+)`, 'i').exec(text)
  return found ? `${column} >= ${found[1]}` : undefined
}
