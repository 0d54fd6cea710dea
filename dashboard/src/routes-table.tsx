import type { RouteRow } from '../../src/http/contract'
import { formatCount, formatMs, formatRate, formatShare, joinFigure } from './format'
import { now } from './live'
import { SeverityLetter } from './marks'
import { isAscending, sortBy, sortKey, type SortKey } from './view-state'

const columns: readonly { key: SortKey; label: string; show: (row: RouteRow) => string }[] = [
  { key: 'recent', label: 'Calls', show: (row) => joinFigure(formatRate(row.perSecond)) },
  { key: 'p50', label: 'P50', show: (row) => showLatency(row, row.p50) },
  { key: 'p95', label: 'P95', show: (row) => showLatency(row, row.p95) },
  { key: 'p99', label: 'P99', show: (row) => showLatency(row, row.p99) },
  { key: 'errorShare', label: 'Errors', show: (row) => joinFigure(formatShare(row.errorShare)) },
  { key: 'total', label: 'Total', show: (row) => joinFigure(formatCount(row.total)) },
]

export function RoutesTable() {
  const document = now.value
  if (document === null) return null
  if (document.routes.length === 0) return <EmptyRoutes />
  const rows = sortRows(document.routes, sortKey.value, isAscending.value)
  return (
    <section class="panel routes" aria-labelledby="routes-title">
      <header>
        <h2 id="routes-title">Routes</h2>
        <p class="note">Last 10 seconds; total since this process started.</p>
      </header>
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">
            <HeadCell name="route" label="Route" />
            {columns.map(({ key, label }) => (
              <HeadCell key={key} name={key} label={label} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <Row key={row.route} row={row} />
          ))}
        </tbody>
      </table>
      {document.routesOverflowed && (
        <p class="note">
          Only the first 100 routes have a row; all others are counted together under <code>(overflow)</code>.
        </p>
      )}
    </section>
  )
}

function HeadCell({ name, label }: { name: SortKey; label: string }) {
  const isSorted = sortKey.value === name
  const direction = isAscending.value ? 'ascending' : 'descending'
  return (
    <th role="columnheader" scope="col" aria-sort={isSorted ? direction : 'none'}>
      <button type="button" onClick={() => sortBy(name)}>
        {label}
        <span class="arrow" aria-hidden="true">
          {isSorted ? (isAscending.value ? '▲' : '▼') : ''}
        </span>
      </button>
    </th>
  )
}

function Row({ row }: { row: RouteRow }) {
  const isFailing = row.recent >= 20 && row.errorShare >= 0.01
  return (
    <tr role="row" class={row.recent === 0 ? 'idle' : ''}>
      <th role="rowheader" scope="row">
        <RouteName route={row.route} />
      </th>
      {columns.map(({ key, label, show }) => (
        <td role="cell" key={key} data-label={label}>
          {key === 'errorShare' && isFailing && <SeverityLetter severity={row.errorShare >= 0.05 ? 'act' : 'watch'} />}
          {key === 'p95' && <Trend row={row} />}
          {show(row)}
        </td>
      ))}
    </tr>
  )
}

function RouteName({ route }: { route: string }) {
  const cut = route.indexOf(' ')
  if (cut < 0) return <span class="route-name">{route}</span>
  return (
    <span class="route-name">
      <span class="method">{route.slice(0, cut)}</span> {route.slice(cut + 1)}
    </span>
  )
}

function Trend({ row }: { row: RouteRow }) {
  const before = row.p95Before
  if (before === null || row.recent < 20 || row.p95 < before * 1.5 || row.p95 < before + 20) return null
  const isDoubled = row.p95 >= before * 2 && row.p95 >= before + 50
  return (
    <span class="trend">
      <SeverityLetter severity={isDoubled ? 'act' : 'watch'} />{' '}
      <span class="was">was {joinFigure(formatMs(before))}</span>
    </span>
  )
}

function EmptyRoutes() {
  return (
    <section class="panel empty">
      <h2>Routes</h2>
      <p>No request has been counted yet: mount one of holdfast’s request adapters first in your app, then send one.</p>
      <pre>
        <code>curl -i {location.origin}/</code>
      </pre>
    </section>
  )
}

function showLatency(row: RouteRow, ms: number): string {
  return row.recent === 0 ? '–' : joinFigure(formatMs(ms))
}

function sortRows(rows: readonly RouteRow[], key: SortKey, ascending: boolean): RouteRow[] {
  const sign = ascending ? 1 : -1
  return [...rows].sort((a, b) => {
    const order = key === 'route' ? a.route.localeCompare(b.route) : a[key] - b[key]
    // Equal rows keep one order, else idle routes would dance every second.
    return order === 0 ? a.route.localeCompare(b.route) : order * sign
  })
}
