import type { SeenStatement } from './observe-query.js'
import type { Statement } from './parser.js'

/** Looks at statements as they end, to find something out. It is on the path of every statement. */
export interface StatementObserver {
  /** Must not throw, and must not keep what is the user's: values, rows. */
  observe(seen: SeenStatement, statement: Statement): void
  /** What it does in the background has ended when this resolves. */
  close(): Promise<void>
}
