import { batch, effect, signal } from '@preact/signals'
import type { LocksDocument } from '../../src/http/contract'
import { connection, loadPages } from './live'
import { lockKey } from './view-state'

const everyMs = 2_000
const lostAfter = 2

export const locks = signal<LocksDocument | null>(null)
/** When the shown figures came. */
export const locksReadAt = signal(0)

let timer = 0
let failures = 0
/** Only the answer to the newest question is shown. */
let questions = 0

export function startLocks(): void {
  document.addEventListener('visibilitychange', followVisibility)
  void loadPages()
  effect(() => {
    // Another key was opened or closed: its waiters are asked for at once.
    void lockKey.value
    followVisibility()
  })
}

function followVisibility(): void {
  clearTimeout(timer)
  if (document.hidden) connection.value = 'paused'
  else void keepReading()
}

async function keepReading(): Promise<void> {
  const question = ++questions
  await refresh(question)
  if (question !== questions) return
  clearTimeout(timer)
  if (!document.hidden) timer = window.setTimeout(() => void keepReading(), everyMs)
}

async function refresh(question: number): Promise<void> {
  try {
    const query = lockKey.peek() === '' ? '' : `?${new URLSearchParams({ key: lockKey.peek() })}`
    const answer = await fetch(`./api/locks${query}`)
    // The session has ended: the page itself shows the login.
    if (answer.status === 401 || answer.status === 403) return location.reload()
    if (!answer.ok) throw new Error(String(answer.status))
    const document = (await answer.json()) as LocksDocument
    if (question !== questions) return
    failures = 0
    batch(() => {
      locks.value = document
      locksReadAt.value = Date.now()
      connection.value = 'live'
    })
  } catch {
    if (++failures >= lostAfter) connection.value = 'lost'
  }
}

export function toggleKey(key: string): void {
  lockKey.value = lockKey.value === key ? '' : key
}
