import { FindingsPage } from './findings-page'
import { formatTime } from './format'
import { Glossary } from './glossary'
import { JobsPage } from './jobs-page'
import { LatencyPage } from './latency-page'
import { LocksPage } from './locks-page'
import { isStale, now, seconds } from './live'
import { PageHeader } from './page-header'
import { Plots } from './plots'
import { QueriesPage } from './queries-page'
import { RoutesTable } from './routes-table'
import { SagasPage } from './sagas-page'
import { Tiles } from './tiles'
import { Verdict } from './verdict'
import { page } from './view-state'

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the verdict
      </a>
      <PageHeader />
      <main id="main" tabIndex={-1} class={isStale.value ? 'is-stale' : ''}>
        <Page />
      </main>
      <PageFooter />
      <Glossary />
    </>
  )
}

function Page() {
  if (page === 'jobs') return <JobsPage />
  if (page === 'latency') return <LatencyPage />
  if (page === 'queries') return <QueriesPage />
  if (page === 'findings') return <FindingsPage />
  if (page === 'sagas') return <SagasPage />
  return page === 'locks' ? <LocksPage /> : <NowPage />
}

function NowPage() {
  return (
    <>
      <Verdict verdict={now.value?.verdict} newestAt={seconds.value.at(-1)?.at} />
      <Tiles />
      <Plots />
      <RoutesTable />
    </>
  )
}

function PageFooter() {
  const instance = now.value?.instance
  if (instance === undefined) return null
  return (
    <footer class="bottom">
      <p>
        All figures are of this one process: <code>{instance.host}</code> pid <code>{instance.pid}</code>, started{' '}
        {formatTime(instance.startedAt)}.
      </p>
      <p>
        holdfast {instance.holdfast} · Node {instance.node.replace(/^v/, '')} · PostgreSQL {instance.postgres} · pool of{' '}
        {instance.poolMax}
      </p>
    </footer>
  )
}
