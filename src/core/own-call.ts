let isOwn = false

/**
 * What the core asks of the driver it measures itself. Whoever wraps the driver asks `isOwnCall()`, or the time would be
 * counted twice. Set only while the driver is being called, never across a wait.
 */
export function runAsOwn<T>(call: () => T): T {
  const before = isOwn
  isOwn = true
  try {
    return call()
  } finally {
    isOwn = before
  }
}

export function isOwnCall(): boolean {
  return isOwn
}
