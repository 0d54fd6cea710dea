import { defineErrors, type ErrorTable } from '../core/index.js'

export const clashErrors = {
  HF_CLASH_CLONE: {
    summary: 'The database could not be cloned for a replay.',
    when: 'Somebody is connected to it (PostgreSQL copies a database only while nobody is), or the role may not make databases, or does not own its tables.',
    fix: 'End what is connected to it, or replay on a copy; connect as the owner or a superuser. A test’s own database: `clone: false`.',
    status: 409,
  },
  HF_CLASH_DEADLINE: {
    summary: 'A replay did not come to its end in time.',
    when: 'A request did not end, or sent no statement for long: it waits for something that is not in the database, or for a connection.',
    fix: 'Look at the statement that the message names; give the application more connections than one request uses; raise `deadlineMs`.',
    status: 504,
  },
  HF_CLASH_UNDO: {
    summary: 'What a request did cannot be undone, so it cannot be replayed.',
    when: 'It ran TRUNCATE or DDL; rows are logged by triggers, which see neither.',
    fix: 'Replay the requests around it by themselves.',
    status: 422,
  },
  HF_CLASH_REQUEST: {
    summary: 'A request of a replay cannot be understood.',
    when: 'It does not begin with a method and a path. Nothing was sent.',
    fix: 'Write it as `POST /orders/7 {"n":1}`: method, path, and a body where there is one.',
    exitCode: 2,
  },
  HF_CLASH_APP: {
    summary: 'The application could not be started for a replay.',
    when: 'The command of `--app` ended by itself, did not listen in time, or does not load `holdfast/register` (it must be a Node process that reads NODE_OPTIONS).',
    fix: 'Try the command by itself with the PORT and DATABASE_URL that the message names.',
    exitCode: 3,
  },
} as const satisfies ErrorTable

export const clashError = defineErrors(clashErrors)
