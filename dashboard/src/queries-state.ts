import { batch, effect, signal } from '@preact/signals'
import type { AdviceDocument, QueriesDocument } from '../../src/http/contract'
import { keepReading } from './keep-reading'
import { connection } from './live'
import { latencyWindow, queryId } from './view-state'

/** As often as processes write what they saw. */
const everyMs = 10_000

export const queries = signal<QueriesDocument | null>(null)
/** When the shown figures came. */
export const queriesReadAt = signal(0)

/** What was answered about an index for the opened statement. */
export type Advised = { is: 'asking' } | { is: 'answered'; answer: AdviceDocument } | { is: 'failed'; reason: string }
export const advised = signal<Advised | null>(null)

export function startQueries(): void {
  const askNow = keepReading(refresh, everyMs)
  effect(() => {
    // Something else is to be seen: it is asked for at once.
    void [queryId.value, latencyWindow.value]
    askNow()
  })
}

async function refresh(isNewest: () => boolean): Promise<boolean> {
  const query = new URLSearchParams({ window: latencyWindow.peek() })
  if (queryId.peek() !== '') query.set('statement', queryId.peek())
  const answer = await fetch(`./api/queries?${query}`)
  // The session has ended: the page itself shows the login.
  if (answer.status === 401 || answer.status === 403) location.reload()
  // An address that somebody has mangled names no statement.
  if (answer.status === 400) queryId.value = ''
  if (!answer.ok) throw new Error(String(answer.status))
  const document = (await answer.json()) as QueriesDocument
  if (!isNewest()) return false
  batch(() => {
    queries.value = document
    queriesReadAt.value = Date.now()
    connection.value = 'live'
  })
  return true
}

export function openQuery(id: string): void {
  batch(() => {
    queryId.value = id
    advised.value = null
  })
}

export async function askAdvice(statement: string): Promise<void> {
  advised.value = { is: 'asking' }
  const found = await fetchAdvice(statement)
  if (queryId.peek() === statement) advised.value = found
}

async function fetchAdvice(statement: string): Promise<Advised> {
  const headers = { 'x-holdfast-action': '1' }
  try {
    const answer = await fetch(`./api/queries/advice?${new URLSearchParams({ statement })}`, {
      method: 'POST',
      headers,
    })
    if (answer.status === 401) location.reload()
    if (answer.ok) return { is: 'answered', answer: (await answer.json()) as AdviceDocument }
    const { detail, fix } = (await answer.json()) as { detail: string; fix: string }
    return { is: 'failed', reason: `${detail} ${fix}` }
  } catch {
    return { is: 'failed', reason: 'No answer came. Is the application running?' }
  }
}
