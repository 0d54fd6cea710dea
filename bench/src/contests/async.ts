import { createPeerContest } from '../harness/peer-contest.js'
import { blocks } from './async/blocks.js'
import { clean } from './async/clean.js'
import { detectors } from './async/detectors.js'
import { overload, overloadSettings } from './async/overload.js'
import { scan } from './async/scan.js'
import { settings } from './async/settings.js'

/** Whether what blocks the event loop is named, what it costs to look, and what is found without running. */
export const asyncContest = createPeerContest({
  name: 'async',
  parts: { blocks, detectors, clean, scan, overload },
  peers: ['blocked-at', 'pg', 'fastify', '@fastify/under-pressure'],
  // One for all: nobody leaves anything that another one's queries would read.
  onPostgres: ['all'],
  settings: { ...settings, ...overloadSettings },
})
