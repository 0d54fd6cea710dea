import type { RunningJobRow } from '../../src/http/contract'
import { formatCount, formatSpan } from './format'
import { jobs, lookUp } from './jobs-state'

/** Jobs that tell how far they are; those that do not are too short to be watched. */
export function RunningJobs() {
  const running = jobs.value?.running ?? []
  if (running.length === 0) return null
  return (
    <section class="panel running" aria-labelledby="running-title">
      <h2 id="running-title">Running, with progress</h2>
      <ul>
        {running.map((job) => (
          <RunningJob key={job.id} job={job} />
        ))}
      </ul>
    </section>
  )
}

function RunningJob({ job }: { job: RunningJobRow }) {
  const { id, name, attempt, instance, runningMs, reportedMs, done, total, note, isCancelling } = job
  const isMeasured = total !== null && total > 0
  const amount = isMeasured ? `${formatCount(done).text} of ${formatCount(total).text}` : formatCount(done).text
  return (
    <li>
      <div class="running-head">
        <span class="route-name">{name}</span>
        <button type="button" class="quiet" onClick={() => void lookUp(id)} aria-label={`Look up job ${id}`}>
          {id}
        </button>
        {isCancelling && <span class="state state-paused">cancelling</span>}
        <span class="running-amount">
          {amount} {note}
        </span>
      </div>
      {isMeasured && <progress max={total} value={Math.min(done, total)} aria-label={`Progress of job ${id}`} />}
      <p class="note">
        {attempt > 1 && `attempt ${attempt}, `}
        for {formatSpan(runningMs)} in <code>{instance}</code>, reported {formatSpan(reportedMs)} ago
      </p>
    </li>
  )
}
