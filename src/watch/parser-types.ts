/** What is used of libpg-query, once it is loaded. None of it waits for anything: it computes. */
export interface SqlParser {
  fingerprint(text: string): string
  normalise(text: string): string
  scan(text: string): { tokens: { start: number; end: number; tokenName: string }[] }
}
