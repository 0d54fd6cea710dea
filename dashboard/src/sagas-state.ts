import { batch, effect, signal } from '@preact/signals'
import type { SagaActionDocument, SagaDocument, SagaListing, SagasDocument } from '../../src/http/contract'
import { keepReading } from './keep-reading'
import { connection } from './live'
import { sagaId, sagaName, sagaState } from './view-state'

export const sagas = signal<SagasDocument | null>(null)
/** When the shown figures came. */
export const sagasReadAt = signal(0)
/** The one that is opened. */
export const opened = signal<SagaDocument | null>(null)
/** Inputs and outputs of the one that is opened are asked for. */
const withPayloads = signal(false)
/** What went wrong with what the reader asked for last; '' is nothing. */
export const sagaFailure = signal('')
/** What the reader's last action did. */
export const sagaOutcome = signal('')

let askNow = () => {}

export function startSagas(): void {
  askNow = keepReading(refresh)
  effect(() => {
    // Something else is to be seen: it is asked for at once.
    void [sagaId.value, sagaState.value, sagaName.value, withPayloads.value]
    askNow()
  })
}

async function refresh(isNewest: () => boolean): Promise<boolean> {
  const [document, saga] = await Promise.all([read<SagasDocument>(listQuery()), readOpened()])
  if (!isNewest() || document === null) return false
  batch(() => {
    sagas.value = document
    sagasReadAt.value = Date.now()
    connection.value = 'live'
    opened.value = saga
  })
  return true
}

function listQuery(): string {
  const query = new URLSearchParams({ state: sagaState.peek() })
  if (sagaName.peek() !== '') query.set('name', sagaName.peek())
  return `?${query}`
}

async function readOpened(): Promise<SagaDocument | null> {
  const id = sagaId.peek()
  if (id === '') return null
  const known = opened.peek()
  // What has ended does not change any more.
  if (known?.id === id && known.finishedAt !== null && known.hasPayloads === withPayloads.peek()) return known
  const query = new URLSearchParams({ id })
  if (withPayloads.peek()) query.set('payload', '1')
  return await read<SagaDocument>(`/saga?${query}`)
}

/** Null: there is no such thing, and the reader is told. */
async function read<T>(path: string): Promise<T | null> {
  const answer = await fetch(`./api/sagas${path}`)
  // The session has ended: the page itself shows the login.
  if (answer.status === 401 || answer.status === 403) location.reload()
  if (answer.ok) return (await answer.json()) as T
  if (answer.status >= 500) throw new Error(String(answer.status))
  sagaFailure.value = await explain(answer)
  return null
}

async function explain(answer: Response): Promise<string> {
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string; fix?: string }
  return [problem.detail, problem.fix].filter(Boolean).join(' ') || `The service answered ${answer.status}.`
}

export function openSaga(id: string): void {
  batch(() => {
    sagaFailure.value = ''
    withPayloads.value = false
    if (opened.peek()?.id !== id) opened.value = null
    sagaId.value = id.trim()
  })
}

export function showPayloads(): void {
  withPayloads.value = true
}

export function showListing(state: SagaListing, name: string): void {
  batch(() => {
    sagaFailure.value = ''
    sagaState.value = state
    sagaName.value = name
  })
}

const outcomes = {
  cancel: ['is to be undone; its process was told.', 'has ended: there is nothing to undo.'],
  retry: ['goes on where it stood.', 'is not stuck any more; nothing was changed.'],
  skip: ['goes on undoing without that step.', ''],
} as const

export async function actOn(
  action: keyof typeof outcomes,
  parameters: { id: string; reason: string; step?: string },
): Promise<void> {
  batch(() => {
    sagaFailure.value = ''
    sagaOutcome.value = ''
  })
  const query = new URLSearchParams(parameters)
  try {
    const answer = await fetch(`./api/sagas/${action}?${query}`, {
      method: 'POST',
      headers: { 'x-holdfast-action': '1' },
    })
    if (answer.ok) {
      const { isDone } = (await answer.json()) as SagaActionDocument
      sagaOutcome.value = `${parameters.id} ${outcomes[action][isDone ? 0 : 1]}`
    } else sagaFailure.value = await explain(answer)
  } catch {
    sagaFailure.value = 'The service cannot be reached; nothing is known of what it did.'
  }
  askNow()
}
