// What a driver's error means. Codes: PostgreSQL documentation, appendix A.

export const sqlstate = {
  queryCanceled: '57014',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  lockNotAvailable: '55P03',
  readOnlyTransaction: '25006',
  undefinedTable: '42P01',
  invalidSchema: '3F000',
  insufficientPrivilege: '42501',
} as const

/** SQLSTATE of an error that the server sent; undefined for errors of the socket or of the driver itself. */
export function readSqlstate(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('severity' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The two failures that running the same transaction again may cure. */
export function isRepeatable(error: unknown): boolean {
  const code = readSqlstate(error)
  return code === sqlstate.serializationFailure || code === sqlstate.deadlockDetected
}

/** The session is over, whoever ended it: the server, or a pooler that lost the server. */
export function isSessionEnded(error: unknown): boolean {
  const severity = typeof error === 'object' && error !== null && 'severity' in error ? error.severity : undefined
  return severity === 'FATAL' || severity === 'PANIC'
}

/** Shutdown or pg_terminate_backend, idle session, idle in transaction, transaction timeout. */
const endedBeforeEffect = new Set(['57P01', '57P05', '25P03', '25P04'])

/**
 * The server itself ended the session at a point where it looks for such orders, so that the statement did not happen.
 * Any other end tells nothing of the kind: a pooler's FATAL 08P01 says that *it* lost the server, perhaps after the
 * commit; a PANIC can follow a commit record that recovery will find.
 */
export function isEndedBeforeEffect(error: unknown): boolean {
  return isSessionEnded(error) && endedBeforeEffect.has(readSqlstate(error) ?? '')
}
