import type { ComponentType } from 'preact'
import { formatTime } from './format'
import { Glossary } from './glossary'
import { isStale, now } from './live'
import { PageHeader } from './page-header'

export function App({ Page }: { Page: ComponentType }) {
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
