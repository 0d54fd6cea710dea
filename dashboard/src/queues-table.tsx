import type { JobQueueRow } from '../../src/http/contract'
import { formatCount, formatSpan } from './format'
import { jobs, setPaused } from './jobs-state'

const columns: readonly { label: string; show: (queue: JobQueueRow) => string }[] = [
  { label: 'Oldest ready', show: ({ oldestReadyMs }) => (oldestReadyMs === null ? '–' : formatSpan(oldestReadyMs)) },
  { label: 'Sent', show: ({ sent }) => formatCount(sent).text },
  { label: 'Succeeded', show: ({ succeeded }) => formatCount(succeeded).text },
  { label: 'Failed', show: ({ failed }) => formatCount(failed).text },
  { label: 'Died', show: ({ died }) => formatCount(died).text },
]

export function QueuesTable() {
  const queues = jobs.value?.queues ?? []
  if (queues.length === 0) return null
  return (
    <section class="panel routes queues" aria-labelledby="queues-title">
      <header>
        <h2 id="queues-title">Queues</h2>
        <p class="note">Totals of all processes, kept for a week; failed counts attempts, died counts jobs.</p>
      </header>
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">
              Queue
            </th>
            <th role="columnheader" scope="col" class="hour">
              Last hour
            </th>
            {columns.map(({ label }) => (
              <th role="columnheader" scope="col" key={label}>
                {label}
              </th>
            ))}
            <th role="columnheader" scope="col">
              <span class="unseen">Action</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {queues.map((queue) => (
            <Row key={queue.name} queue={queue} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Row({ queue }: { queue: JobQueueRow }) {
  const { name, isPaused } = queue
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        <span class="route-name">{name}</span> {isPaused && <span class="state state-paused">paused</span>}
      </th>
      <td role="cell" class="hour" data-label="Last hour">
        <Hour queue={queue} />
      </td>
      {columns.map(({ label, show }) => (
        <td role="cell" key={label} data-label={label}>
          {show(queue)}
        </td>
      ))}
      <td role="cell" class="action">
        <button
          type="button"
          class="quiet"
          onClick={() => void setPaused(name, !isPaused)}
          aria-label={`${isPaused ? 'Resume' : 'Pause'} ${name}`}
        >
          {isPaused ? 'Resume' : 'Pause'}
        </button>
      </td>
    </tr>
  )
}

const height = 28

/** A bar for each minute: what succeeded, on top of it in another colour what failed. */
function Hour({ queue: { minutes } }: { queue: JobQueueRow }) {
  const top = Math.max(1, ...minutes.succeeded.map((count, i) => count + (minutes.failed[i] ?? 0)))
  const total = (counts: readonly number[]): string => formatCount(counts.reduce((sum, count) => sum + count, 0)).text
  const label = `Last hour: ${total(minutes.sent)} sent, ${total(minutes.succeeded)} succeeded, ${total(minutes.failed)} failed, ${total(minutes.died)} died`
  return (
    <svg class="bars" viewBox={`0 0 120 ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path class="bars-base" d={`M0 ${height - 0.5}H120`} />
      <path class="bars-ok" d={drawBars(minutes.succeeded, () => 0, top)} />
      <path class="bars-failed" d={drawBars(minutes.failed, (i) => minutes.succeeded[i] ?? 0, top)} />
    </svg>
  )
}

function drawBars(counts: readonly number[], below: (i: number) => number, top: number): string {
  const scale = (height - 2) / top
  return counts
    .map((count, i) => {
      if (count === 0) return ''
      // Never thinner than a pixel: one failure among thousands must not vanish.
      const size = Math.max(count * scale, 1)
      return `M${i * 2} ${(height - 1 - below(i) * scale).toFixed(1)}v-${size.toFixed(1)}h1.5v${size.toFixed(1)}z`
    })
    .join('')
}
