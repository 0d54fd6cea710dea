import { signal } from '@preact/signals'
import type { ProfileDocument } from '../../src/http/contract'

export type Profiled =
  | { is: 'asking'; route: string }
  | { is: 'answered'; route: string; profile: ProfileDocument }
  | { is: 'failed'; route: string; reason: string }

export const profiled = signal<Profiled | null>(null)

export async function takeProfile(route: string): Promise<void> {
  profiled.value = { is: 'asking', route }
  profiled.value = await fetchProfile(route)
}

async function fetchProfile(route: string): Promise<Profiled> {
  const headers = { 'x-holdfast-action': '1' }
  try {
    const answer = await fetch(`./api/latency/profile?${new URLSearchParams({ route })}`, { method: 'POST', headers })
    if (answer.status === 401) location.reload()
    if (answer.ok) return { is: 'answered', route, profile: (await answer.json()) as ProfileDocument }
    const { detail, fix } = (await answer.json()) as { detail: string; fix: string }
    return { is: 'failed', route, reason: `${detail} ${fix}` }
  } catch {
    return { is: 'failed', route, reason: 'No answer came. Is the application running?' }
  }
}

/** As a file of Chrome's developer tools. */
export function saveProfile({ route, cpuprofile }: ProfileDocument): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(cpuprofile)], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${route.replaceAll(/[^\w]+/g, '-')}.cpuprofile`
  link.click()
  URL.revokeObjectURL(url)
}
