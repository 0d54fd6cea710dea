import { Verdict } from './verdict'
import { DeadLetters } from './dead-letters'
import { JobLife } from './job-life'
import { failure, jobs, outcome, readAt } from './jobs-state'
import { QueuesTable } from './queues-table'
import { RunningJobs } from './running-jobs'
import { Schedules } from './schedules'
import { Notices } from './notices'
import { WorkersPanel } from './workers-panel'

export { startJobs } from './jobs-state'

export function JobsPage() {
  const document = jobs.value
  return (
    <>
      <Verdict verdict={document?.verdict} newestAt={readAt.value} />
      <Notices outcome={outcome.value} failure={failure.value} />
      {document?.isConnected === true && (
        <>
          <QueuesTable />
          <RunningJobs />
          <div class="pair">
            <JobLife />
            <WorkersPanel workers={document.workers} madeBy="jobs.work()" />
          </div>
          <Schedules />
          <DeadLetters />
        </>
      )}
    </>
  )
}
