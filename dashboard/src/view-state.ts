import { effect, signal } from '@preact/signals'
import type { FindingSeverity, SagaListing } from '../../src/http/contract'

// All of the view is in the address, so that what one person sees can be pasted to another.

export type Theme = 'auto' | 'light' | 'dark'
export type SortKey = 'route' | 'recent' | 'p50' | 'p95' | 'p99' | 'errorShare' | 'total'

const sortKeys: readonly SortKey[] = ['route', 'recent', 'p50', 'p95', 'p99', 'errorShare', 'total']
const themes: readonly Theme[] = ['auto', 'light', 'dark']
const asked = new URLSearchParams(location.search)

export type PageName = 'now' | 'latency' | 'queries' | 'findings' | 'clash' | 'jobs' | 'locks' | 'sagas'

const pageNames: readonly PageName[] = ['latency', 'queries', 'findings', 'clash', 'jobs', 'locks', 'sagas']

export const page: PageName = pageNames.find((name) => location.pathname.endsWith(`/${name}`)) ?? 'now'
export const theme = signal<Theme>(pick(themes, asked.get('theme'), 'auto'))
export const sortKey = signal<SortKey>(pick(sortKeys, asked.get('sort'), 'recent'))
export const isAscending = signal(asked.get('dir') === 'asc')
export const windowSeconds = signal<60 | 120>(asked.get('window') === '60' ? 60 : 120)
export const tables = signal<ReadonlySet<string>>(new Set((asked.get('tables') ?? '').split(',').filter(Boolean)))

export const latencyWindows = ['15m', '1h', '24h', '7d'] as const
export type LatencyWindow = (typeof latencyWindows)[number]

const usualWindow: LatencyWindow = page === 'findings' ? '24h' : '1h'

/** Of the pages Latency, Queries and Findings: how far they look back. */
export const latencyWindow = signal<LatencyWindow>(pick(latencyWindows, asked.get('since'), usualWindow))
/** Of the page Latency: the route that is opened. */
export const latencyRoute = signal(asked.get('route') ?? '')
/** Of the page Queries: the statement that is opened. */
export const queryId = signal(asked.get('statement') ?? '')
/** Of the page Findings: what is shown; '' is all. */
export const findingKind = signal(asked.get('kind') ?? '')
export const findingSeverities: readonly FindingSeverity[] = ['act', 'watch', 'info']
export const findingSeverity = signal<FindingSeverity | ''>(pick(findingSeverities, asked.get('severity'), ''))

/** Of the page Clash: the pair that is opened. */
export const clashId = signal(asked.get('clash') ?? '')

/** Of the page Jobs: the job looked at, and the search among the dead letters. */
export const jobId = signal(asked.get('job') ?? '')
export const deadQueue = signal(asked.get('queue') ?? '')
export const deadContains = signal(asked.get('contains') ?? '')

/** Of the page Locks: the key that is opened. */
export const lockKey = signal(asked.get('key') ?? '')

/** Failures first: what somebody may have to do something about. */
export const sagaListings: readonly SagaListing[] = [
  'failing',
  'stuck',
  'compensating',
  'overdue',
  'running',
  'waiting',
  'done',
  'compensated',
]

/** Of the page Sagas: what is listed, and the saga that is opened. */
export const sagaState = signal<SagaListing>(pick(sagaListings, asked.get('state'), 'failing'))
export const sagaName = signal(asked.get('name') ?? '')
export const sagaId = signal(asked.get('saga') ?? '')

/** Light or dark as it really is, for what is drawn on a canvas and cannot follow the style sheet. */
export const isDark = signal(false)

const systemDark = matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = signal(systemDark.matches)
systemDark.addEventListener('change', (event) => (systemIsDark.value = event.matches))

effect(() => {
  document.documentElement.dataset['theme'] = theme.value
  isDark.value = theme.value === 'dark' || (theme.value === 'auto' && systemIsDark.value)
})

effect(() => {
  const query = new URLSearchParams()
  if (theme.value !== 'auto') query.set('theme', theme.value)
  if (sortKey.value !== 'recent') query.set('sort', sortKey.value)
  if (isAscending.value) query.set('dir', 'asc')
  if (windowSeconds.value !== 120) query.set('window', String(windowSeconds.value))
  if (tables.value.size > 0) query.set('tables', [...tables.value].sort().join(','))
  if (latencyWindow.value !== usualWindow) query.set('since', latencyWindow.value)
  if (latencyRoute.value !== '') query.set('route', latencyRoute.value)
  if (queryId.value !== '') query.set('statement', queryId.value)
  if (findingKind.value !== '') query.set('kind', findingKind.value)
  if (findingSeverity.value !== '') query.set('severity', findingSeverity.value)
  if (clashId.value !== '') query.set('clash', clashId.value)
  if (jobId.value !== '') query.set('job', jobId.value)
  if (deadQueue.value !== '') query.set('queue', deadQueue.value)
  if (deadContains.value !== '') query.set('contains', deadContains.value)
  if (lockKey.value !== '') query.set('key', lockKey.value)
  if (sagaState.value !== 'failing') query.set('state', sagaState.value)
  if (sagaName.value !== '') query.set('name', sagaName.value)
  if (sagaId.value !== '') query.set('saga', sagaId.value)
  const text = query.toString().replaceAll('%2C', ',')
  history.replaceState(null, '', `${location.pathname}${text === '' ? '' : `?${text}`}${location.hash}`)
})

export function cycleTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'auto'
}

/** The address of a page; a theme that was chosen goes along. */
export function linkTo(path: string, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(theme.value === 'auto' ? query : { ...query, theme: theme.value }).toString()
  return text === '' ? path : `${path}?${text}`
}

/** A second click on the same column turns it round; names start at A, figures at the highest. */
export function sortBy(key: SortKey): void {
  isAscending.value = key === sortKey.value ? !isAscending.value : key === 'route'
  sortKey.value = key
}

export function toggleTable(plot: string): void {
  const next = new Set(tables.value)
  if (!next.delete(plot)) next.add(plot)
  tables.value = next
}

function pick<T extends string, F extends string = T>(allowed: readonly T[], value: string | null, fallback: F): T | F {
  return allowed.find((item) => item === value) ?? fallback
}
