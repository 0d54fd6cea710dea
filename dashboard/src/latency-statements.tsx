import type { LatencyStatementRow } from '../../src/http/contract'
import { formatCount, formatShare, joinFigure } from './format'
import { LatencyCells, latencyColumns } from './latency-cells'
import { openRoute } from './latency-state'
import { TableHead } from './table-head'

/** The route of what belongs to no request. */
export const outside = '(none)'
const note = 'Those that take most of the time first; literals are $n.'
const columns = ['Statement', 'Share', 'Calls', ...latencyColumns] as const

interface Properties {
  route: string
  statements: readonly LatencyStatementRow[]
}

/** What a route asks the database, those that take most of the time first. */
export function LatencyStatements({ route, statements }: Properties) {
  return (
    <section class="panel routes latency" aria-labelledby="statements-title">
      <header>
        <h2 id="statements-title">
          Statements of{' '}
          <span class="route-name">{route === outside ? 'jobs, sagas and all else outside of requests' : route}</span>
        </h2>
        <p class="note">{statements.length === 0 ? 'It asked the database nothing in this time.' : note}</p>
        <button type="button" class="quiet" onClick={() => openRoute('')}>
          Close
        </button>
      </header>
      {statements.length > 0 && (
        <table role="table">
          <TableHead columns={columns} />
          <tbody role="rowgroup">
            {statements.map((row) => (
              <Row key={`${row.segment} ${row.id}`} row={row} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Row({ row }: { row: LatencyStatementRow }) {
  const { text, segment, share, calls, errors, latency } = row
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <code class="sql">{text}</code>
        {segment !== '' && <span class="state">{segment}</span>}
        <p class="note">{describeCalls(row)}</p>
      </th>
      <td role="cell" data-label="Share">
        {joinFigure(formatShare(share))}
      </td>
      <td role="cell" data-label="Calls">
        {joinFigure(formatCount(calls))}
        {errors > 0 && <span class="culprit"> {joinFigure(formatCount(errors))} failed</span>}
      </td>
      <LatencyCells latency={latency} before={row.before} />
    </tr>
  )
}

function describeCalls({ callsPerRequest, mostCalls, rowsPerCall, bytesPerCall }: LatencyStatementRow): string {
  const size = `${round(rowsPerCall)} ${round(rowsPerCall) === '1' ? 'row' : 'rows'} and ${round(bytesPerCall)} bytes a call`
  if (callsPerRequest < 1.05) return size
  return `${size}; ${round(callsPerRequest)} times in a request, ${mostCalls} at most`
}

const round = (amount: number): string =>
  amount < 10 ? String(Math.round(amount * 10) / 10) : joinFigure(formatCount(amount))
