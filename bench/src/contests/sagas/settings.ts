// What the subjects are given besides their defaults; the document of the contest holds it.

/** Sagas at once in the one process. */
export const LANES = 20
export const POOL = 20
export const RTT_MS = 1

/** Nobody else says anything while round trips are counted. */
export const quiet = { pollMs: 60_000, leaseMs: 3_600_000 }

export const LEASE_MS = 2_000
/** Of sagas whose process dies, and of workflows that are executed twice. */
export const SLOW_STEP_MS = 200
export const SLOW_SAGAS = 20

/** Of each saga, as many transactions as calls, one after the other. */
export const DEPLOY_STEPS = 5
export const DEPLOY_CALL_MS = 100
/** A new saga so often. */
export const DEPLOY_PAUSE_MS = 20

/** No traces and no logs but errors; its own defaults for the rest, as its pages name no other setting for throughput. */
export const dbos = { systemDatabasePoolSize: POOL, logLevel: 'error', enableOTLP: false, tracingEnabled: false }

export const settings = {
  throughput: { steps: 3, lanes: LANES, poolMax: POOL, rttMs: RTT_MS },
  trips: { steps: 3, holdfast: quiet },
  recovery: { sagas: SLOW_SAGAS, stepMs: SLOW_STEP_MS, leaseMs: LEASE_MS },
  deploy: { transactions: DEPLOY_STEPS, calls: DEPLOY_STEPS, callMs: DEPLOY_CALL_MS, startedEveryMs: DEPLOY_PAUSE_MS },
  dbos,
}
