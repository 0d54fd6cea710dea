import { cutText } from './cut-text.js'

const MOST_CHARS = 120

type Rule = readonly [pattern: RegExp, show: (token: string) => string]

const ours = /^\/\* holdfast:[a-z.-]+ \*\/$/
const letter = String.raw`[A-Za-z_\u0080-\u{10ffff}]`

// In this order. What was cut off in the middle of a literal or a comment has no end: the rest of the text is part of it.
const rules: readonly Rule[] = [
  [/\s+|--[^\n]*/uy, () => ' '],
  [/[eE]'(?:[^'\\]|\\[^]|'')*\\?(?:'|$)/uy, () => '?'],
  [/(?:[bBnNxX]|[uU]&)?'(?:[^']|'')*(?:'|$)/uy, () => '?'],
  [/(?:[uU]&)?"(?:[^"]|"")*(?:"|$)/uy, (token) => (/^"[A-Za-z_][\w$]*"$/.test(token) ? token : '"?"')],
  [new RegExp(String.raw`\$(${letter}(?:${letter}|\d)*)?\$[^]*?(?:\$\1\$|$)`, 'uy'), () => '?'],
  [/\$\d+/uy, (token) => token],
  [new RegExp(`${letter}(?:${letter}|[0-9$])*`, 'uy'), (token) => token],
  [/[0-9][\w.]*/uy, () => '?'],
  [/[^]/uy, (token) => token],
]

/**
 * A statement that may be shown to anybody: every literal is a `?`, comments are gone, cut at 120 characters. Where it is
 * not certain what is a literal nothing is shown from there on.
 */
export function stripLiterals(text: string): string {
  let shown = ''
  for (let at = 0; at < text.length;) {
    const [token, show] = text.startsWith('/*', at) ? [readComment(text, at), showComment] : readToken(text, at)
    at += token.length
    shown += show(token)
    // With standard_conforming_strings off such a quote is part of the string: what follows may be its rest.
    if (/^[^eE].*\\'/s.test(token) && show(token) === '?') break
  }
  return cutText(hideSettings(shown.replace(/\s+/g, ' ').trim()), MOST_CHARS)
}

function readToken(text: string, at: number): readonly [string, Rule[1]] {
  for (const [pattern, show] of rules) {
    pattern.lastIndex = at
    const token = pattern.exec(text)?.[0]
    if (token !== undefined && token !== '') return [token, show]
  }
  return [text.slice(at), () => '?']
}

/** They nest, other than in most languages. */
function readComment(text: string, start: number): string {
  const edges = /\/\*|\*\//g
  edges.lastIndex = start
  let depth = 0
  for (let edge = edges.exec(text); edge !== null; edge = edges.exec(text)) {
    depth += edge[0] === '/*' ? 1 : -1
    if (depth === 0) return text.slice(start, edges.lastIndex)
  }
  return text.slice(start)
}

/** Others put trace ids and users into comments; ours are names of statements. */
function showComment(comment: string): string {
  return ours.test(comment) ? ` ${comment} ` : ' '
}

/** The one value that may stand without quotes. */
function hideSettings(text: string): string {
  return text.replace(/(^|; ?)(set (?:local |session )?[\w."]+ ?(?:=|to\b))[^;]*/gi, '$1$2 ?')
}
