import { batch, effect, signal } from '@preact/signals'
import type { LocksDocument } from '../../src/http/contract'
import { keepReading } from './keep-reading'
import { connection } from './live'
import { lockKey } from './view-state'

export const locks = signal<LocksDocument | null>(null)
/** When the shown figures came. */
export const locksReadAt = signal(0)

export function startLocks(): void {
  const askNow = keepReading(refresh)
  effect(() => {
    // Another key was opened or closed: its waiters are asked for at once.
    void lockKey.value
    askNow()
  })
}

async function refresh(isNewest: () => boolean): Promise<boolean> {
  const query = lockKey.peek() === '' ? '' : `?${new URLSearchParams({ key: lockKey.peek() })}`
  const answer = await fetch(`./api/locks${query}`)
  // The session has ended: the page itself shows the login.
  if (answer.status === 401 || answer.status === 403) location.reload()
  if (!answer.ok) throw new Error(String(answer.status))
  const document = (await answer.json()) as LocksDocument
  if (!isNewest()) return false
  batch(() => {
    locks.value = document
    locksReadAt.value = Date.now()
    connection.value = 'live'
  })
  return true
}

export function toggleKey(key: string): void {
  lockKey.value = lockKey.value === key ? '' : key
}
