import { isMainThread } from 'node:worker_threads'
import { runOutside } from '../core/early.js'
import type { Recorder } from './recorder.js'

/** Whoever stops a process waits for it; a database that is slow must not be what it waits for. */
const SIGNAL_MS = 1_000

/** What was seen last is written too. How and when the process ends stays the application's affair. */
export function flushAtExit(recorder: Recorder): void {
  process.once('beforeExit', () => {
    const closing = recorder.close().catch(() => {})
    runOutside(() => void closing)
  })
  if (isMainThread) process.on('SIGTERM', onTerminate)

  function onTerminate(): void {
    // Before the application's own listeners run: some end the process by the signal only where they are the last.
    process.off('SIGTERM', onTerminate)
    const isAlone = process.listenerCount('SIGTERM') === 0
    void waitAtMost(recorder.flush(), SIGNAL_MS).then(() => {
      // As it would have ended without us.
      if (isAlone) process.kill(process.pid, 'SIGTERM')
    })
  }
}

async function waitAtMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work.catch(() => {}), late])
  clearTimeout(timer)
}
