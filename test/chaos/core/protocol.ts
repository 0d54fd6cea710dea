/** What the application promises: every wait is bounded by one of these. */
export const limits = {
  poolSize: 8,
  connectMs: 1_000,
  acquireMs: 1_500,
  statementMs: 500,
  txMs: 1_000,
} as const

/** A cancel that a silent network swallows is given up after 2 s; the rest is for a machine with two busy cores. */
const MARGIN_MS = 3_000

/** Acquire, then the transaction with its commit: no answer may take longer. */
export const ANSWER_MS = limits.acquireMs + limits.txMs + MARGIN_MS

export type AppMessage =
  | { type: 'ready'; port: number }
  | { type: 'stray'; what: string }
  /** An error that reached a request without a code of holdfast's. */
  | { type: 'unnamed'; what: string }

export type ClientMessage =
  | { type: 'progress'; done: number }
  /** One byte a request, base64: see `Answer`. */
  | { type: 'finished'; answers: string; codes: Record<string, number>; late: number; slowestMs: number }

/** How a request was answered. */
export const Answer = { none: 0, done: 1, failed: 2, unknown: 3, wrong: 4 } as const
export type Answer = (typeof Answer)[keyof typeof Answer]

export type RequestKind = 'order' | 'note' | 'read'

export function chooseKind(id: number): RequestKind {
  const digit = id % 10
  if (digit < 5) return 'order'
  return digit < 8 ? 'note' : 'read'
}
