import { defineErrors, type ErrorTable } from '../core/index.js'

export const watchErrors = {
  HF_WATCH_TWICE: {
    summary: 'A pool is watched already.',
    when: 'watch() was called a second time for the same pool. What it does would be counted twice; nothing was changed.',
    fix: 'Call watch() once for each pool, and stop() before it is called again.',
  },
  HF_WATCH_NOT_INSTALLED: {
    summary: 'The tables of watch are not in this database.',
    when: 'What was seen is to be read, and migrations are pending, or this role may not read them.',
    fix: 'Run `holdfast migrate`.',
    status: 503,
  },
  HF_WATCH_PROFILING: {
    summary: 'A profile is being taken already.',
    when: 'profileRoute() was called while another one runs in this process: V8 has one profiler.',
    fix: 'Wait for the other one; it says in its message how long that takes.',
    status: 409,
  },
  HF_WATCH_NO_PLAN: {
    summary: 'PostgreSQL gives no plan for a statement.',
    when: 'plan() was given a text that is no single statement, that names what is not there, or that is locked. The cause says what the server said.',
    fix: 'Look at the cause; run the statement once with the same values.',
  },
} as const satisfies ErrorTable

export const watchError = defineErrors(watchErrors)
