/** What is used of libpg-query, once it is loaded. None of it waits for anything: it computes. */
export interface SqlParser {
  fingerprint(text: string): string
  normalise(text: string): string
  parse(text: string): { stmts?: { stmt?: Record<string, unknown>; stmt_location?: number; stmt_len?: number }[] }
  scan(text: string): { tokens: { start: number; end: number; text: string; tokenName: string }[] }
}
