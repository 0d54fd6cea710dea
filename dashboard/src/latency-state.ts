import { batch, effect, signal } from '@preact/signals'
import type { LatencyDocument } from '../../src/http/contract'
import { keepReading } from './keep-reading'
import { connection } from './live'
import { latencyRoute, latencyWindow } from './view-state'

/** As often as processes write what they saw. */
const everyMs = 10_000

export const latency = signal<LatencyDocument | null>(null)
/** When the shown figures came. */
export const latencyReadAt = signal(0)

export function startLatency(): void {
  const askNow = keepReading(refresh, everyMs)
  effect(() => {
    // Something else is to be seen: it is asked for at once.
    void [latencyRoute.value, latencyWindow.value]
    askNow()
  })
}

async function refresh(isNewest: () => boolean): Promise<boolean> {
  const query = new URLSearchParams({ window: latencyWindow.peek() })
  if (latencyRoute.peek() !== '') query.set('route', latencyRoute.peek())
  const answer = await fetch(`./api/latency?${query}`)
  // The session has ended: the page itself shows the login.
  if (answer.status === 401 || answer.status === 403) location.reload()
  if (!answer.ok) throw new Error(String(answer.status))
  const document = (await answer.json()) as LatencyDocument
  if (!isNewest()) return false
  batch(() => {
    latency.value = document
    latencyReadAt.value = Date.now()
    connection.value = 'live'
  })
  return true
}

export function openRoute(route: string): void {
  latencyRoute.value = route
}
