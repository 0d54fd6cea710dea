import { batch, effect, signal } from '@preact/signals'
import type { ClashDetails, ClashDocument, ClashesDocument } from '../../src/http/contract'
import { keepReading } from './keep-reading'
import { connection } from './live'
import { clashId } from './view-state'

/** As often as processes write what they saw. */
const everyMs = 10_000

export const clashes = signal<ClashesDocument | null>(null)
/** When the shown figures came. */
export const clashesReadAt = signal(0)
/** The pair that is opened; null: it has not come yet, or nobody has seen it. */
export const openedClash = signal<{ id: string; clash: ClashDetails | null } | null>(null)
/** No answer has come, and none was shown before. */
export const hasFailed = signal(false)

export function startClash(): void {
  const askNow = keepReading(refresh, everyMs)
  effect(() => {
    // Something else is to be seen: it is asked for at once.
    void clashId.value
    askNow()
  })
}

async function refresh(isNewest: () => boolean): Promise<boolean> {
  const id = clashId.peek()
  try {
    const [document, opened] = await Promise.all([readList(), id === '' ? null : readOne(id)])
    if (!isNewest()) return false
    batch(() => {
      clashes.value = document
      clashesReadAt.value = Date.now()
      openedClash.value = opened
      hasFailed.value = false
      connection.value = 'live'
    })
    return true
  } catch (error) {
    if (isNewest()) hasFailed.value = true
    throw error
  }
}

async function readList(): Promise<ClashesDocument> {
  const answer = await fetch('./api/clashes?protected=1')
  // The session has ended: the page itself shows the login.
  if (answer.status === 401 || answer.status === 403) location.reload()
  if (!answer.ok) throw new Error(String(answer.status))
  return (await answer.json()) as ClashesDocument
}

async function readOne(id: string): Promise<{ id: string; clash: ClashDetails | null }> {
  const answer = await fetch(`./api/clashes/${encodeURIComponent(id)}`)
  // Forgotten, or an address that somebody has mangled.
  if (answer.status === 404 || answer.status === 400) return { id, clash: null }
  if (!answer.ok) throw new Error(String(answer.status))
  return { id, clash: ((await answer.json()) as ClashDocument).clash }
}
