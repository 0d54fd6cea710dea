/** Repeats `attempt` until it no longer throws, at most `withinMs`; then its last error is thrown. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { withinMs = 5_000, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const endsAt = performance.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() >= endsAt) throw error
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }
}
