import type { ComponentType } from 'preact'
import type { PageName } from './view-state'

interface ShownPage {
  title: string
  Page: ComponentType
  /** Begins to ask for what it shows. */
  start: () => void
}

/** Each is a file of its own, which a browser loads when it shows it. */
export const pages: Readonly<Record<PageName, () => Promise<ShownPage>>> = {
  now: async () => {
    const { NowPage, startNow } = await import('./now-page')
    return { title: 'Now', Page: NowPage, start: startNow }
  },
  latency: async () => {
    const { LatencyPage, startLatency } = await import('./latency-page')
    return { title: 'Latency', Page: LatencyPage, start: startLatency }
  },
  queries: async () => {
    const { QueriesPage, startQueries } = await import('./queries-page')
    return { title: 'Queries', Page: QueriesPage, start: startQueries }
  },
  findings: async () => {
    const { FindingsPage, startFindings } = await import('./findings-page')
    return { title: 'Findings', Page: FindingsPage, start: startFindings }
  },
  clash: async () => {
    const { ClashPage, startClash } = await import('./clash-page')
    return { title: 'Clash', Page: ClashPage, start: startClash }
  },
  jobs: async () => {
    const { JobsPage, startJobs } = await import('./jobs-page')
    return { title: 'Jobs', Page: JobsPage, start: startJobs }
  },
  locks: async () => {
    const { LocksPage, startLocks } = await import('./locks-page')
    return { title: 'Locks', Page: LocksPage, start: startLocks }
  },
  sagas: async () => {
    const { SagasPage, startSagas } = await import('./sagas-page')
    return { title: 'Sagas', Page: SagasPage, start: startSagas }
  },
}
