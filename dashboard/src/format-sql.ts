const clauses =
  /^(?:select|from|where|group by|order by|having|limit|offset|window|union(?: all)?|intersect|except|values|set|returning|on conflict|(?:(?:left|right|full|inner|cross)(?: outer)? )?join|for (?:update|share|no key update|key share))$/i
const pairs =
  /^(?:(?:group|order) by|union all|on conflict|(?:left|right|full|inner|cross) (?:outer )?join|(?:left|right|full) outer|for (?:update|share|no|key))$/i
const words = /(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[^\s()"'])+|[()"']/g

interface Frame {
  /** It holds a statement, whose clauses stand on lines of their own. */
  isQuery: boolean
  isBetween: boolean
}

/** A clause a line, sub-selects indented. Whatever it does not know stays as it was: only white space is changed. */
export function formatSql(text: string): string {
  const tokens = joinPairs(text.match(words) ?? [])
  const frames: Frame[] = [{ isQuery: true, isBetween: false }]
  const lines: string[] = []
  let line = ''
  const indent = (more = 0): string => '  '.repeat(frames.filter(({ isQuery }) => isQuery).length - 1 + more)
  const startLine = (more = 0): void => {
    if (line.trim() !== '') lines.push(line.trimEnd())
    line = indent(more)
  }
  for (const [n, token] of tokens.entries()) {
    const frame = frames.at(-1) as Frame
    if (token === ')') {
      const closed = frames.length > 1 ? frames.pop() : undefined
      if (closed?.isQuery === true) startLine()
      line += token
      continue
    }
    if (frame.isQuery && clauses.test(token)) startLine()
    else if (frame.isQuery && /^(?:and|or)$/i.test(token) && !frame.isBetween) startLine(1)
    frame.isBetween = /^between$/i.test(token) || (frame.isBetween && !/^and$/i.test(token))
    line += isApart(line, token, text, tokens[n - 1]) ? ` ${token}` : token
    if (token === '(') frames.push({ isQuery: /^(?:select|with)$/i.test(tokens[n + 1] ?? ''), isBetween: false })
  }
  startLine()
  return lines.join('\n')
}

/** `count(*)` and `in ($1)` stay as they were written. */
function isApart(line: string, token: string, text: string, before: string | undefined): boolean {
  if (line.trim() === '' || line.endsWith('(')) return false
  if (before === undefined || /^[,;]/.test(token)) return false
  if (token === '(') return text.includes(`${before} (`) && !text.includes(`${before}(`)
  return !(before.endsWith(')') && /^[.:[]/.test(token))
}

function joinPairs(tokens: readonly string[]): string[] {
  const joined: string[] = []
  for (const token of tokens) {
    const pair = `${joined.at(-1) ?? ''} ${token}`
    if (pairs.test(pair)) joined[joined.length - 1] = pair
    else joined.push(token)
  }
  return joined
}
