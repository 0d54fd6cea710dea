/** Lets `count` racers start at the same instant: each awaits `arrive()`, the last one releases all. */
export function createBarrier(count: number): { arrive: () => Promise<void> } {
  const waiting: (() => void)[] = []
  return {
    arrive: async () =>
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (waiting.length === count) for (const release of waiting) release()
      }),
  }
}
