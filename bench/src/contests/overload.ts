import { createPeerContest } from '../harness/peer-contest.js'
import { overload, overloadSettings } from './async/overload.js'

/** For running the part alone until the contest `async` has it. */
export const overloadContest = createPeerContest({
  name: 'overload',
  parts: { overload },
  peers: ['fastify', '@fastify/under-pressure'],
  onPostgres: ['all'],
  settings: overloadSettings,
})
