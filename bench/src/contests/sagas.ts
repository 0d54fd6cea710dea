import { createPeerContest } from '../harness/peer-contest.js'
import { deploy } from './sagas/deploy.js'
import { parked } from './sagas/parked.js'
import { recovery } from './sagas/recovery.js'
import { onPostgres } from './sagas/setting.js'
import { settings } from './sagas/settings.js'
import { throughput } from './sagas/throughput.js'
import { trips } from './sagas/trips.js'

/** holdfast/sagas and DBOS Transact, both a library on PostgreSQL. */
export const sagasContest = createPeerContest({
  name: 'sagas',
  parts: { throughput, trips, recovery, deploy, parked },
  peers: ['@dbos-inc/dbos-sdk'],
  onPostgres,
  settings,
})
