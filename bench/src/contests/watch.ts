import { createPeerContest } from '../harness/peer-contest.js'
import { cpu, overhead } from './watch/cpu.js'
import { latency } from './watch/latency.js'
import { memory } from './watch/memory.js'
import { percentiles } from './watch/percentiles.js'
import { settings } from './watch/setting.js'

/** What it costs to be watched, beside those who watch too, and how true it is what is told. */
export const watchContest = createPeerContest({
  name: 'watch',
  parts: { cpu, overhead, latency, memory, percentiles },
  peers: [
    '@opentelemetry/sdk-node',
    '@opentelemetry/instrumentation-http',
    '@opentelemetry/instrumentation-pg',
    '@opentelemetry/sdk-metrics',
    'pg',
    'prom-client',
  ],
  // One for all: nobody leaves anything that another one's queries would read.
  onPostgres: ['all'],
  settings,
})
