import type { RuleId } from './types.js'

/** What each rule is about, in a sentence; the docs explain them under the same names. */
export const ruleSummaries: Readonly<Record<RuleId, string>> = {
  'doctor/sync-in-request': 'A synchronous call that a request reaches holds up every request of the process.',
  'doctor/sync-over-async': 'The event loop is held until an asynchronous answer has come.',
  'doctor/busy-loop': 'A loop waits for the clock or for a flag, and nothing else of the process runs.',
  'doctor/floating-promise': 'Nobody waits for a promise: its failure is unhandled, and it outlives its request.',
  'doctor/misused-promise': 'A promise is used where its value is meant.',
  'doctor/lost-update': 'A value is read before an await and written after it: what others wrote meanwhile is lost.',
  'doctor/network-in-tx': 'A transaction waits for the network, and holds its connection and locks meanwhile.',
  'doctor/pool-in-tx': 'The pool is used inside of a transaction: another connection, outside of it.',
  'doctor/await-in-loop': 'One await after the other in a loop.',
  'doctor/layering': 'A route reaches past the services.',
}

export const ruleNames = Object.keys(ruleSummaries) as RuleId[]
