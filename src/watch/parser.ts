import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { ParseResult } from 'libpg-query'
import type { SqlParser } from './parser-types.js'

export type { Node, RangeVar, SelectStmt } from 'libpg-query'

/** A statement without its literals. */
export interface Statement {
  /** A signed 64-bit number as text, as PostgreSQL's bigint is. */
  id: string
  text: string
}

/** One of the statements of a text. */
export interface ParsedStatement {
  /** Of PostgreSQL's node, such as `SelectStmt`. */
  kind: string
  node: Record<string, unknown>
  text: string
}

/** Not a statement: the requests of a route themselves. */
export const requestsOf: Statement = { id: '0', text: '' }
/** Statements of a route that are not kept apart. */
export const overflow: Statement = { id: '1', text: '(overflow)' }

/** Sent together in one flight: a batch, or the last statement of a transaction with its COMMIT. */
export const several: Statement = { id: '2', text: '(several statements in one flight)' }

const taken = new Set([requestsOf.id, overflow.id, several.id])

/** A text is cut there: what tells a statement from another is in its beginning, and its fingerprint is of all of it. */
const MOST_CHARACTERS = 4_000

/** PostgreSQL's own parser, compiled to WebAssembly: two texts that differ in literals, spaces or comments are one statement. */
export class Parser {
  readonly #parser: SqlParser

  constructor(parser: SqlParser) {
    this.#parser = parser
  }

  /** What it does is the same for all texts of one id. Does not throw. */
  fingerprint(text: string): string {
    try {
      return toBigint(this.#parser.fingerprint(text))
    } catch {
      return toBigint(createHash('sha256').update(text).digest('hex').slice(0, 16))
    }
  }

  /** Literals become `$n`, comments go: trace ids and worse are written into them. A text that is no SQL is not shown. */
  normalise(text: string): string {
    try {
      const bare = this.#withoutComments(this.#parser.normalise(text))
      const line = bare.replaceAll(/\s+/g, ' ').trim()
      return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)} …` : line
    } catch {
      return '(a statement that PostgreSQL’s parser does not know)'
    }
  }

  /** The statements of a text, each with its part of it; undefined where it is no SQL. */
  parse(text: string): ParsedStatement[] | undefined {
    try {
      const bytes = Buffer.from(text)
      return (this.#parser.parse(text).stmts ?? []).map(({ stmt = {}, stmt_location: at = 0, stmt_len: length }) => {
        const [kind, node] = Object.entries(stmt)[0] ?? ['', {}]
        const part = bytes.subarray(at, length === undefined ? undefined : at + length).toString()
        return { kind, node: node as Record<string, unknown>, text: part }
      })
    } catch {
      return undefined
    }
  }

  /** Where each word and sign begins and ends, in bytes. */
  scan(text: string): { start: number; end: number; text: string }[] {
    return this.#parser.scan(text).tokens
  }

  #withoutComments(text: string): string {
    if (!text.includes('--') && !text.includes('/*')) return text
    const bytes = Buffer.from(text)
    const kept: Buffer[] = []
    let at = 0
    for (const { start, end, tokenName } of this.#parser.scan(text).tokens) {
      if (tokenName !== 'SQL_COMMENT' && tokenName !== 'C_COMMENT') continue
      kept.push(bytes.subarray(at, start))
      at = end
    }
    kept.push(bytes.subarray(at))
    return Buffer.concat(kept).toString()
  }
}

/** Gives the id of a text's statement, as it stands in findings and in the tables. */
export async function loadIdentify(): Promise<(text: string) => string> {
  const parser = await loadParser()
  return (text) => parser.fingerprint(text)
}

/** Loaded when somebody watches, and not before: it is 1.6 MB. */
export async function loadParser(): Promise<Parser> {
  const { loadModule, fingerprintSync, normalizeSync, parseSync, scanSync } = await import('libpg-query')
  await loadModule()
  const parser = new Parser({
    fingerprint: fingerprintSync,
    normalise: normalizeSync,
    parse: parseSync,
    scan: scanSync,
  })
  await warmUp(parser)
  return parser
}

const ordinary = [
  ';',
  'select 1',
  'select a, count(*) from b join c on c.x = b.y where d in ($1, 2) group by a order by a limit 5 /* c */',
  'insert into a (b) values ($1) on conflict do nothing returning id',
  'update a set b = $1 where c = $2',
  'delete from a where b = $1',
]

/**
 * V8 compiles WebAssembly where it is called first: 150 ms under Node 20, which would be the first request's (our own stall
 * thread told of it). Now, with turns of the event loop between: 45 ms at most.
 */
async function warmUp(parser: Parser): Promise<void> {
  for (const text of ordinary) {
    for (const use of ['scan', 'normalise', 'fingerprint', 'parse'] as const) {
      parser[use](text)
      await turn()
    }
  }
}

/** What a statement says, as PostgreSQL's own tree of it. */
export interface StatementParser {
  parse(text: string): ParseResult
  scan(text: string): { tokens: { start: number; end: number }[] }
}

/** Loaded when somebody asks for advice, and not before. */
export async function loadStatementParser(): Promise<StatementParser> {
  const { loadModule, parseSync, scanSync } = await import('libpg-query')
  await loadModule()
  return { parse: parseSync, scan: scanSync }
}

function toBigint(hex: string): string {
  const id = BigInt.asIntN(64, BigInt(`0x${hex}`)).toString()
  return taken.has(id) ? '3' : id
}
