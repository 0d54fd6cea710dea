import type { QueryRow } from '../../src/http/contract'
import { formatAmount, formatCount, formatShare, joinFigure } from './format'
import { LatencyCells, latencyColumns } from './latency-cells'
import { LookBack } from './look-back'
import { FindingMark } from './marks'
import { OneQuery } from './one-query'
import { Opener } from './opener'
import { openQuery, queries, queriesReadAt } from './queries-state'
import { TableHead } from './table-head'
import { Verdict } from './verdict'
import { queryId } from './view-state'

export { startQueries } from './queries-state'

export function QueriesPage() {
  const document = queries.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={queriesReadAt.value} />
      {document?.isConnected === true && (
        <>
          <Queries rows={document.queries} />
          <OneQuery />
        </>
      )}
    </>
  )
}

const columns = ['Query', 'Share', 'Calls', ...latencyColumns, 'Plans'] as const

function Queries({ rows }: { rows: readonly QueryRow[] }) {
  return (
    <section class="panel routes latency queries-list" aria-labelledby="queries-title">
      <header>
        <h2 id="queries-title">Queries</h2>
        <p class="note">
          {rows.length === 0
            ? 'None ran in this time, or no process watches: look back further, or call watch(db).'
            : 'Over all routes and processes; those that take most of the time first. Open one for its plans.'}
        </p>
      </header>
      <div class="ask">
        <LookBack id="queries-window" />
      </div>
      {rows.length > 0 && (
        <table role="table">
          <TableHead columns={columns} />
          <tbody role="rowgroup">
            {rows.map((row) => (
              <Row key={row.id} row={row} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Row({ row }: { row: QueryRow }) {
  const { id, text, finding, share, calls, errors, latency, before, plans } = row
  const isOpen = queryId.value === id
  return (
    <tr role="row" class={isOpen ? 'is-open' : undefined}>
      <th role="rowheader" scope="row">
        <Opener label={text} isOpen={isOpen} onToggle={() => openQuery(isOpen ? '' : id)} />
        <p class="note under">
          {finding !== null && <FindingMark severity={finding} />}
          {describe(row)}
        </p>
      </th>
      <td role="cell" data-label="Share">
        {joinFigure(formatShare(share))}
      </td>
      <td role="cell" data-label="Calls">
        {joinFigure(formatCount(calls))}
        {errors > 0 && <span class="culprit"> {joinFigure(formatCount(errors))} failed</span>}
      </td>
      <LatencyCells latency={latency} before={before} />
      <td role="cell" data-label="Plans">
        {plans === 0 ? '–' : plans}
      </td>
    </tr>
  )
}

function describe({ route, routes, rowsPerCall }: QueryRow): string {
  const rows = formatAmount(rowsPerCall)
  const others = routes < 2 ? '' : ` and ${routes - 1} more`
  const where = route === '(none)' ? 'outside of requests' : route
  return `${rows} ${rows === '1' ? 'row' : 'rows'} a call · ${where}${others}`
}
