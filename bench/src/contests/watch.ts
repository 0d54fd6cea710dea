import { createPeerContest } from '../harness/peer-contest.js'
import { cpu, overhead } from './watch/cpu.js'
import { measureExplosion } from './watch/explosion.js'
import { latency } from './watch/latency.js'
import { memory } from './watch/memory.js'
import { percentiles } from './watch/percentiles.js'
import { measurePlans } from './watch/plans.js'
import { onDatabase, settings } from './watch/setting.js'
import { measureSteady } from './watch/steady.js'

/** What it costs to be watched, beside those who watch too, and how true it is what is told. */
export const watchContest = createPeerContest({
  name: 'watch',
  parts: {
    cpu,
    overhead,
    latency,
    memory,
    percentiles,
    plans: onDatabase(measurePlans),
    steady: onDatabase(measureSteady),
    explosion: onDatabase(async ({ url }) => await measureExplosion(url)),
  },
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
