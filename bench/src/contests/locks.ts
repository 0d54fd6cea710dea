import { createPeerContest } from '../harness/peer-contest.js'
import { handover } from './locks/handover.js'
import { onPostgres } from './locks/setting.js'
import { settings } from './locks/settings.js'
import { lease, short } from './locks/uncontended.js'
import { wide } from './locks/wide.js'

/** holdfast/locks, what people write by themselves on PostgreSQL, and locks on a Redis. */
export const locksContest = createPeerContest({
  name: 'locks',
  parts: { handover, short, lease, wide },
  peers: ['ioredis', 'redlock', 'redis-semaphore'],
  onPostgres,
  settings,
  describeAbsence: ({ progress }) => {
    progress('There is no redis-server, so the locks on Redis do not take part.')
    return []
  },
})
