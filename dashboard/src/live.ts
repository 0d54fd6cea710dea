import { batch, computed, signal } from '@preact/signals'
import type { NowDocument, PageEntry, PagesDocument, Second } from '../../src/http/contract'
import { windowSeconds } from './view-state'

const keptSeconds = 120
/** A stream that ends and is made again within this time is nobody's concern. */
const lostAfterMs = 1_500
/** A message is due every second; after this long without one the connection is held for dead. */
const silentAfterMs = 5_000

export type Connection = 'connecting' | 'live' | 'paused' | 'lost'

export const now = signal<NowDocument | null>(null)
export const seconds = signal<readonly Second[]>([])
export const connection = signal<Connection>('connecting')
export const pages = signal<readonly PageEntry[]>([])
export const hasSession = signal(false)
/** Figures on the page are older than they should be. */
export const isStale = computed(() => connection.value === 'lost' || connection.value === 'paused')
export const shownSeconds = computed(() => {
  const newest = seconds.value.at(-1)?.at ?? 0
  return seconds.value.filter((second) => second.at > newest - windowSeconds.value * 1000)
})

let source: EventSource | null = null
let lostTimer = 0
let silenceTimer = 0
let retryTimer = 0
let retryMs = 1_000

export function startLive(): void {
  document.addEventListener('visibilitychange', followVisibility)
  void loadPages()
  followVisibility()
}

function followVisibility(): void {
  if (document.hidden) pause()
  else open()
}

/** A hidden tab asks for nothing; on its return the stream starts after the last second it has, so no gap is left. */
function pause(): void {
  closeSource()
  connection.value = 'paused'
}

function open(): void {
  closeSource()
  if (connection.value !== 'lost') connection.value = 'connecting'
  const last = seconds.value.at(-1)?.at ?? 0
  source = new EventSource(`./api/live?since=${last}`)
  source.addEventListener('message', (event: MessageEvent<string>) => receive(JSON.parse(event.data) as NowDocument))
  source.addEventListener('error', () => handleLoss())
  watchSilence()
}

function closeSource(): void {
  source?.close()
  source = null
  clearTimeout(lostTimer)
  clearTimeout(silenceTimer)
  clearTimeout(retryTimer)
}

function receive(document: NowDocument): void {
  clearTimeout(lostTimer)
  retryMs = 1_000
  watchSilence()
  batch(() => {
    const isOther = now.value !== null && now.value.instance.startedAt !== document.instance.startedAt
    seconds.value = append(isOther ? [] : seconds.value, document.seconds)
    now.value = document
    connection.value = 'live'
  })
}

function append(known: readonly Second[], fresh: readonly Second[]): readonly Second[] {
  const last = known.at(-1)?.at ?? 0
  return [...known, ...fresh.filter((second) => second.at > last)].slice(-keptSeconds)
}

function handleLoss(): void {
  clearTimeout(lostTimer)
  lostTimer = window.setTimeout(() => (connection.value = 'lost'), lostAfterMs)
  // The browser tries again by itself unless the answer was an error; then we find out which.
  if (source?.readyState === EventSource.CLOSED) void retry()
}

async function retry(): Promise<void> {
  clearTimeout(silenceTimer)
  const answer = await fetch('./api/now').catch(() => null)
  // The session has ended: the page itself shows the login.
  if (answer?.status === 401 || answer?.status === 403) return location.reload()
  clearTimeout(retryTimer)
  retryTimer = window.setTimeout(() => {
    if (!document.hidden) open()
  }, retryMs)
  retryMs = Math.min(retryMs * 2, 15_000)
}

function watchSilence(): void {
  clearTimeout(silenceTimer)
  silenceTimer = window.setTimeout(() => {
    connection.value = 'lost'
    open()
  }, silentAfterMs)
}

export async function loadPages(): Promise<void> {
  const answer = await fetch('./api/pages').catch(() => null)
  if (answer?.ok !== true) return
  const document = (await answer.json()) as PagesDocument
  pages.value = document.pages
  hasSession.value = document.hasSession
}

export async function logOut(): Promise<void> {
  const answer = await fetch('./api/logout', { method: 'POST', headers: { 'x-holdfast-action': '1' } }).catch(
    () => null,
  )
  if (answer !== null) location.reload()
}
