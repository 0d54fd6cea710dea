import { Fragment } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { LatencyDocument, LatencyRouteRow } from '../../src/http/contract'
import { AutopsyPanel } from './autopsy-panel'
import { formatCount, formatShare, joinFigure } from './format'
import { LatencyCells, latencyColumns } from './latency-cells'
import { ColdNote, isColdAlone, isSlower } from './latency-cold'
import { LatencyProfile } from './latency-profile'
import { LatencyServices } from './latency-services'
import { latency, latencyReadAt, openRoute } from './latency-state'
import { LatencyStatements, outside } from './latency-statements'
import { LookBack } from './look-back'
import { SeverityLetter } from './marks'
import { Opener } from './opener'
import { TableHead } from './table-head'
import { Verdict } from './verdict'
import { latencyRoute } from './view-state'

export { startLatency } from './latency-state'

export function LatencyPage() {
  const document = latency.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={latencyReadAt.value} />
      {document?.isConnected === true && (
        <>
          {(document.verdict.severity !== 'ok' || latencyRoute.value !== '') && <AutopsyPanel />}
          <Routes routes={document.routes} />
          {latencyRoute.value !== '' && <OpenedRoute document={document} route={latencyRoute.value} />}
        </>
      )}
    </>
  )
}

/** What the route waits for: other services, which are few, and its statements. */
function OpenedRoute({ document, route }: { document: LatencyDocument; route: string }) {
  const opened = useRef<HTMLDivElement>(null)
  const { routes, services, statements } = document
  const isThere = statements !== null
  useEffect(() => opened.current?.scrollIntoView({ block: 'nearest' }), [route, isThere])
  return (
    <div class="opened-route" ref={opened}>
      {services !== null && services.length > 0 && (
        <LatencyServices route={route} services={services} routes={routes.filter((row) => row.route === route)} />
      )}
      {statements !== null && <LatencyStatements route={route} statements={statements} />}
      {route !== outside && <LatencyProfile route={route} />}
    </div>
  )
}

const columns = ['Route', 'Requests', ...latencyColumns, 'Where the time goes'] as const

function Routes({ routes }: { routes: LatencyDocument['routes'] }) {
  return (
    <section class="panel routes latency" aria-labelledby="latency-title">
      <header>
        <h2 id="latency-title">Routes</h2>
        <p class="note">
          Of all processes together; those that take most of the time first. Open one for its statements and services.
        </p>
      </header>
      <Filter />
      {routes.length > 0 && (
        <table role="table">
          <TableHead columns={columns} />
          <tbody role="rowgroup">
            {routes.map((row) => (
              <Row key={`${row.segment} ${row.route}`} row={row} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Filter() {
  return (
    <div class="ask">
      <LookBack id="latency-window" />
      <button type="button" class="quiet" onClick={() => openRoute(outside)}>
        Statements outside of requests
      </button>
    </div>
  )
}

function Row({ row }: { row: LatencyRouteRow }) {
  const { route, segment, requests, errors, latency: spread, shares } = row
  const isOpen = latencyRoute.value === route
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <Opener label={route} isOpen={isOpen} onToggle={() => openRoute(isOpen ? '' : route)} />
        {segment !== '' && <span class="state">{segment}</span>}
        <ColdNote row={row} isOpen={isOpen} />
      </th>
      <td role="cell" data-label="Requests">
        {joinFigure(formatCount(requests))}
        {errors > 0 && <span class="culprit"> {joinFigure(formatCount(errors))} failed</span>}
      </td>
      <LatencyCells latency={spread} before={row.before} mark={<Trend row={row} />} />
      <td class="where" role="cell" data-label="Where the time goes">
        <Parts shares={shares} />
      </td>
    </tr>
  )
}

/** The same measure as the verdict's. */
function Trend({ row }: { row: LatencyRouteRow }) {
  const { latency, before } = row
  if (before === null || !isSlower(row)) return null
  const isDoubled = latency.p95 >= before.p95 * 2 && latency.p95 >= before.p95 + 50
  return <SeverityLetter severity={isDoubled && !isColdAlone(row) ? 'act' : 'watch'} />
}

const parts = [
  ['pool', 'connection'],
  ['sql', 'statements'],
  ['outbound', 'services'],
  ['loop', 'event loop'],
  ['rest', 'the rest'],
] as const

/** A bar, and what it says in words. */
function Parts({ shares }: { shares: LatencyRouteRow['shares'] }) {
  const shown = parts.filter(([part]) => shares[part] >= 0.05).toSorted(([a], [b]) => shares[b] - shares[a])
  return (
    <>
      <span class="parts" aria-hidden="true">
        {parts.map(([part]) => (
          <i key={part} class={`part-${part}`} style={{ width: `${Math.min(1, shares[part]) * 100}%` }} />
        ))}
      </span>
      <span class="note">
        {shown.map(([part, name], n) => (
          <Fragment key={part}>
            {n > 0 && ', '}
            <span class="part-word">
              {name} {joinFigure(formatShare(shares[part]))}
            </span>
          </Fragment>
        ))}
      </span>
    </>
  )
}
