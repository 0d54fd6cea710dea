/**
 * Waits for `work`, or for the signal; what work gives after that goes to `onLate`, so that nothing is left taken for
 * nobody. @throws the signal's reason, and what work throws
 */
export async function abandonOnAbort<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  onLate: (value: T) => void,
): Promise<T> {
  if (signal === undefined) return await work
  let stop!: () => void
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } catch (error) {
    if (signal.aborted) void work.then(onLate, () => {})
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
