// What a driver's error means. Codes: PostgreSQL documentation, appendix A.

export const sqlstate = {
  queryCanceled: '57014',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  lockNotAvailable: '55P03',
  undefinedTable: '42P01',
  invalidSchema: '3F000',
  insufficientPrivilege: '42501',
  readOnlyTransaction: '25006',
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

/** The server said why it ends the session (57P01 shutdown, 57P05 idle timeout, 25P03 idle in transaction …): the statement did not happen. */
export function isSessionEnded(error: unknown): boolean {
  const severity = typeof error === 'object' && error !== null && 'severity' in error ? error.severity : undefined
  return severity === 'FATAL' || severity === 'PANIC'
}
