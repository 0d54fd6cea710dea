import { createPeerContest, type PeerPart } from '../harness/peer-contest.js'
import type { ContestInput, Row } from '../harness/types.js'
import { backlog } from './jobs/backlog.js'
import { busy } from './jobs/busy.js'
import { exactlyOnce } from './jobs/exactly-once.js'
import { held } from './jobs/held.js'
import { latency } from './jobs/latency.js'
import { batchEnqueue, drain, singleEnqueue } from './jobs/rates.js'
import { designs } from './jobs/designs.js'
import { settings } from './jobs/settings.js'
import { BULLMQ, onPostgres } from './jobs/setting.js'
import { reruns } from './jobs/reruns.js'
import { transactions } from './jobs/transactions.js'

/** One file of `jobs/` may hold several; each gives rows and checks of its own. */
const parts: Readonly<Record<string, PeerPart>> = {
  drain,
  batch_enqueue: batchEnqueue,
  single_enqueue: singleEnqueue,
  transactions,
  latency,
  busy,
  exactly_once: exactlyOnce,
  reruns,
  held,
  backlog,
  designs,
}

/** holdfast/jobs and other queues, each with its best documented settings. */
export const jobsContest = createPeerContest({
  name: 'jobs',
  parts,
  peers: ['graphile-worker', 'pg-boss', 'bullmq'],
  onPostgres,
  settings,
  describeAbsence: (input) => [describeAbsence(input)],
})

function describeAbsence({ progress }: ContestInput): Row {
  progress(`There is no redis-server, so ${BULLMQ} does not take part.`)
  return {
    subject: `${BULLMQ} (left out: no redis-server)`,
    metric: 'runs',
    unit: 'runs',
    median: 0,
    min: 0,
    max: 0,
    runs: 0,
    samples: [],
  }
}
