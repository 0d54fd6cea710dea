import { createPeerContest } from '../harness/peer-contest.js'
import { blocks } from './async/blocks.js'

/** Whether what blocks the event loop is named, what it costs to look, and what is found without running. */
export const asyncContest = createPeerContest({
  name: 'async',
  parts: { blocks },
  peers: ['blocked-at', 'pg'],
  // One for all: nobody leaves anything that another one's queries would read.
  onPostgres: ['all'],
  settings: {},
})
