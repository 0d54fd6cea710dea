import type { CronRow } from '../../src/http/contract'
import { formatMoment, formatSpan } from './format'
import { jobs } from './jobs-state'
import { TableHead } from './table-head'

export function Schedules() {
  const crons = jobs.value?.crons ?? []
  if (crons.length === 0) return null
  return (
    <section class="panel routes schedules" aria-labelledby="schedules-title">
      <header>
        <h2 id="schedules-title">Schedules</h2>
        <p class="note">Next and last in this browser’s time.</p>
      </header>
      <table role="table">
        <TableHead columns={['Schedule', 'Sends', 'At', 'Next', 'Last']} />
        <tbody role="rowgroup">
          {crons.map((cron) => (
            <Row key={cron.name} cron={cron} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Row({ cron: { name, job, schedule, timeZone, nextAt, nextMs, firedAt } }: { cron: CronRow }) {
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <span class="route-name">{name}</span>
      </th>
      <td role="cell" data-label="Sends">
        {job}
      </td>
      <td role="cell" data-label="At">
        {schedule} <span class="note">{timeZone}</span>
      </td>
      <td role="cell" data-label="Next">
        {nextMs <= 0 ? 'due' : `in ${formatSpan(nextMs)}`} <span class="note">{formatMoment(nextAt)}</span>
      </td>
      <td role="cell" data-label="Last">
        {formatMoment(firedAt) ?? '–'}
      </td>
    </tr>
  )
}
