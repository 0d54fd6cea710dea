import type { LatencyRouteRow, LatencyServiceRow } from '../../src/http/contract'
import { formatCount, formatShare, joinFigure } from './format'
import { LatencyCells, latencyColumns } from './latency-cells'
import { TableHead } from './table-head'

const columns = ['Host', 'Share', 'Requests', ...latencyColumns] as const

interface Properties {
  route: string
  services: readonly LatencyServiceRow[]
  /** Of this route, by segment; none: it is not among those that are shown. */
  routes: readonly LatencyRouteRow[]
}

/** Which other services a route waits for, those that take most of the time first. */
export function LatencyServices({ route, services, routes }: Properties) {
  return (
    <section class="panel routes latency" aria-labelledby="services-title">
      <header>
        <h2 id="services-title">
          Services that <span class="route-name">{route}</span> calls
        </h2>
        <p class="note">By HTTP; what a request waited for a host in all, however often it called.</p>
      </header>
      <table role="table">
        <TableHead columns={columns} />
        <tbody role="rowgroup">
          {services.map((row) => (
            <Row
              key={`${row.segment} ${row.host}`}
              row={row}
              all={routes.find(({ segment }) => segment === row.segment)?.requests}
            />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Row({ row, all }: { row: LatencyServiceRow; all: number | undefined }) {
  const { host, segment, share, requests, latency, before } = row
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <span class="route-name">{host}</span>
        {segment !== '' && <span class="state">{segment}</span>}
        {all !== undefined && <p class="note">in {joinFigure(formatShare(requests / all))} of its requests</p>}
      </th>
      <td role="cell" data-label="Share">
        {joinFigure(formatShare(share))}
      </td>
      <td role="cell" data-label="Requests">
        {joinFigure(formatCount(requests))}
      </td>
      <LatencyCells latency={latency} before={before} />
    </tr>
  )
}
