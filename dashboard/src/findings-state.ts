import { batch, effect, signal } from '@preact/signals'
import type { FindingsDocument } from '../../src/http/contract'
import { keepReading } from './keep-reading'
import { connection } from './live'
import { latencyWindow } from './view-state'

/** As often as processes write what they saw. */
const everyMs = 10_000

export const findings = signal<FindingsDocument | null>(null)
/** When the shown findings came. */
export const findingsReadAt = signal(0)

export function startFindings(): void {
  const askNow = keepReading(refresh, everyMs)
  effect(() => {
    // Something else is to be seen: it is asked for at once.
    void latencyWindow.value
    askNow()
  })
}

async function refresh(isNewest: () => boolean): Promise<boolean> {
  const answer = await fetch(`./api/findings?${new URLSearchParams({ window: latencyWindow.peek() })}`)
  // The session has ended: the page itself shows the login.
  if (answer.status === 401 || answer.status === 403) location.reload()
  if (!answer.ok) throw new Error(String(answer.status))
  const document = (await answer.json()) as FindingsDocument
  if (!isNewest()) return false
  batch(() => {
    findings.value = document
    findingsReadAt.value = Date.now()
    connection.value = 'live'
  })
  return true
}
