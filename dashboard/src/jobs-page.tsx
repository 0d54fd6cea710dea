import { Verdict } from './verdict'
import { DeadLetters } from './dead-letters'
import { JobLife } from './job-life'
import { failure, jobs, outcome, readAt } from './jobs-state'
import { formatSpan } from './format'
import { QueuesTable } from './queues-table'
import { RunningJobs } from './running-jobs'
import { Schedules } from './schedules'

export function JobsPage() {
  const document = jobs.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={readAt.value} />
      <Notices />
      {document?.isConnected === true && (
        <>
          <QueuesTable />
          <RunningJobs />
          <div class="pair">
            <JobLife />
            <Workers />
          </div>
          <Schedules />
          <DeadLetters />
        </>
      )}
    </>
  )
}

/** What the last action did, and what could not be done. Always there, so that a screen reader hears it change. */
function Notices() {
  return (
    <div class="notices">
      <p class="notice" role="status">
        {outcome.value}
      </p>
      <p class="notice notice-failure" role="alert">
        {failure.value}
      </p>
    </div>
  )
}

function Workers() {
  const workers = jobs.value?.workers ?? []
  return (
    <section class="panel workers" aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      {workers.length === 0 && (
        <p class="note">
          None. A process becomes one with <code>jobs.work()</code>.
        </p>
      )}
      <ul>
        {workers.map((worker) => (
          <li key={worker.id}>
            <code>{worker.instance}</code>
            <span class={worker.isAlive ? 'state' : 'state state-lapsed'}>{worker.isAlive ? 'alive' : 'not seen'}</span>
            <span class="note">
              started {formatSpan(worker.upMs)} ago, seen {formatSpan(worker.seenMs)} ago
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
