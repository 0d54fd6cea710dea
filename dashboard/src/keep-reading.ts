import { connection, loadPages } from './live'

const lostAfter = 2

/**
 * Reads what a page shows, now and then, while somebody can see it. `refresh` shows an answer only if `isNewest` says so of
 * it; false tells that it had none. Call the result to ask at once, because something else is to be seen.
 */
export function keepReading(refresh: (isNewest: () => boolean) => Promise<boolean>, everyMs = 2_000): () => void {
  let timer = 0
  let failures = 0
  let questions = 0

  function followVisibility(): void {
    clearTimeout(timer)
    if (document.hidden) connection.value = 'paused'
    else void ask()
  }

  async function ask(): Promise<void> {
    const question = ++questions
    const isNewest = () => question === questions
    try {
      if (await refresh(isNewest)) failures = 0
    } catch {
      if (++failures >= lostAfter) connection.value = 'lost'
    }
    if (!isNewest()) return
    clearTimeout(timer)
    if (!document.hidden) timer = window.setTimeout(() => void ask(), everyMs)
  }

  document.addEventListener('visibilitychange', followVisibility)
  void loadPages()
  return followVisibility
}
