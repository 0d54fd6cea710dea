import { useEffect, useRef } from 'preact/hooks'
import type { QueryDocument } from '../../src/http/contract'
import { AdvicePanel } from './advice-panel'
import { CopyButton } from './copy-button'
import { FindingItem } from './finding-item'
import { formatCount, formatMs, joinFigure } from './format'
import { formatSql } from './format-sql'
import { PlanPair } from './plan-pair'
import { openQuery, queries } from './queries-state'
import { QueryCourse } from './query-course'
import { queryId } from './view-state'

/** The statement that is opened: its course, its plans, what was found, and an index for it. */
export function OneQuery() {
  const id = queryId.value
  const document = queries.value
  if (id === '' || document === null) return null
  return (
    <section class="panel one-query" aria-labelledby="one-query-title">
      <header class="one-query-head">
        <h2 id="one-query-title">Query</h2>
        <button type="button" class="quiet" onClick={() => openQuery('')}>
          Close
        </button>
      </header>
      <Opened key={id} id={id} query={document.opened} />
    </section>
  )
}

function Opened({ id, query }: { id: string; query: QueryDocument | null }) {
  const top = useRef<HTMLDivElement>(null)
  // It stands below the list, which may be long.
  const isThere = query?.id === id
  useEffect(() => {
    if (isThere) top.current?.parentElement?.scrollIntoView({ block: 'start' })
  }, [isThere])
  if (query === null) return <p class="note">Nobody has seen this statement, or it has been forgotten.</p>
  if (!isThere) return <p class="note">Asking…</p>
  return (
    <div class="one-query-parts" ref={top}>
      <Statement query={query} />
      <QueryCourse query={query} />
      <PlanPair query={query} />
      <AdvicePanel statement={id} />
      {query.findings.length > 0 && (
        <section aria-labelledby="found-title">
          <h3 id="found-title">What was found</h3>
          <ul class="finding-list">
            {query.findings.map((finding) => (
              <FindingItem key={finding.id} finding={finding} isOfOpened />
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

function Statement({ query: { text, routes } }: { query: QueryDocument }) {
  return (
    <div class="statement-box">
      <div class="copyable">
        <pre tabIndex={0} aria-label="Statement">
          {formatSql(text)}
        </pre>
        <CopyButton text={text} what="the statement" />
      </div>
      {routes.length > 0 && (
        <p class="note">
          {routes.slice(0, 6).map(({ route, calls, latency }, n) => (
            <span key={route}>
              {n > 0 && ', '}
              <span class="route-name">{route === '(none)' ? 'outside of requests' : route}</span>{' '}
              {joinFigure(formatCount(calls))} times, P95 {joinFigure(formatMs(latency.p95))}
            </span>
          ))}
          {routes.length > 6 && `, and ${routes.length - 6} more routes`}
        </p>
      )}
    </div>
  )
}
