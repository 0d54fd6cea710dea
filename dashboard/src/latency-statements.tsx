import type { LatencyStatementRow } from '../../src/http/contract'
import { formatCount, formatMs, formatShare, joinFigure } from './format'
import { describeBefore } from './latency-page'
import { TableHead } from './table-head'

const columns = ['Statement', 'Share', 'Calls', 'P50', 'P95', 'P99', 'A day before'] as const

/** What a route asks the database, those that take most of the time first. */
export function LatencyStatements({ statements }: { statements: readonly LatencyStatementRow[] }) {
  if (statements.length === 0) return <p class="note">It asked the database nothing in this time.</p>
  return (
    <table role="table" class="statements">
      <TableHead columns={columns} />
      <tbody role="rowgroup">
        {statements.map((row) => (
          <Row key={row.id} row={row} />
        ))}
      </tbody>
    </table>
  )
}

function Row({ row }: { row: LatencyStatementRow }) {
  const { text, share, calls, errors, latency } = row
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <code class="sql">{text}</code>
        <p class="note">{describeCalls(row)}</p>
      </th>
      <td role="cell" data-label="Share">
        {joinFigure(formatShare(share))}
      </td>
      <td role="cell" data-label="Calls">
        {joinFigure(formatCount(calls))}
        {errors > 0 && <span class="culprit"> {joinFigure(formatCount(errors))} failed</span>}
      </td>
      <td role="cell" data-label="P50">
        {joinFigure(formatMs(latency.p50))}
      </td>
      <td role="cell" data-label="P95">
        {joinFigure(formatMs(latency.p95))}
      </td>
      <td role="cell" data-label="P99">
        {joinFigure(formatMs(latency.p99))}
      </td>
      <td role="cell" data-label="A day before">
        {describeBefore(row.before)}
      </td>
    </tr>
  )
}

function describeCalls({ callsPerRequest, mostCalls, rowsPerCall, bytesPerCall }: LatencyStatementRow): string {
  const size = `${round(rowsPerCall)} rows and ${round(bytesPerCall)} bytes a call`
  if (mostCalls <= 1) return size
  return `${size}; ${round(callsPerRequest)} times in a request, ${mostCalls} at most`
}

const round = (amount: number): string =>
  amount < 10 ? String(Math.round(amount * 10) / 10) : joinFigure(formatCount(amount))
