import { defineErrors, type ErrorTable } from '../core/index.js'

export const jobsErrors = {
  HF_JOBS_UNKNOWN: {
    summary: 'A job was sent that these jobs do not know.',
    when: 'send() or sendMany() was given a definition that was not passed to createJobs(). Nothing was sent.',
    fix: 'Add the definition to createJobs(db, { jobs: [...] }).',
    status: 500,
  },
  HF_JOBS_NAME: {
    summary: 'A job name is empty, too long, or taken twice.',
    when: 'defineJob() takes names of 1 to 100 characters; createJobs() takes each name once.',
    fix: 'Give each job a name of its own.',
    exitCode: 2,
  },
  HF_JOBS_PAYLOAD_INVALID: {
    summary: 'A payload does not fit its schema, or cannot be JSON.',
    when: 'The schema reported issues, or the value is undefined, a function, a cycle, or holds the character U+0000 that jsonb cannot store. Nothing was sent. In a worker: the job was sent by something that did not check it; it goes to the dead letters.',
    fix: 'Send what the schema describes; the message names the paths that do not fit.',
    status: 422,
  },
  HF_JOBS_PAYLOAD_TOO_LARGE: {
    summary: 'A payload is larger than a job may be.',
    when: 'Its JSON has more bytes than `maxBytes` (default 1 MiB). Nothing was sent.',
    fix: 'Store the data in a table or in object storage and send its id.',
    status: 413,
  },
  HF_JOBS_TIMEOUT: {
    summary: 'A handler did not end within its time.',
    when: 'The job has run for `timeoutMs`; its signal was aborted and the attempt counts as failed. A handler that does not watch its signal may still be running.',
    fix: 'Pass `job.signal` on to what the handler waits for, or raise `timeoutMs`.',
  },
  HF_JOBS_THROWN: {
    summary: 'A handler threw something that is not an Error.',
    when: 'The value that was thrown is not kept, because it may hold anything; its type is.',
    fix: 'Throw an Error.',
  },
  HF_JOBS_LOST: {
    summary: 'A job was handed to another worker while this one had it.',
    when: 'This worker did not renew its lease in time: its event loop was blocked, the process was stopped, or the database was out of reach. What a transactional handler had done was rolled back; other effects may happen again.',
    fix: 'Move blocking work off the event loop (`holdfast doctor`), or raise `leaseMs`.',
    retryable: true,
  },
  HF_JOBS_CRASHED: {
    summary: 'A worker ended while it ran a job.',
    when: 'Seen in the history of a job: its worker was killed, crashed or lost its lease after the job had started.',
    fix: 'Look at what ended the process; a job that does it every time ends in the dead letters.',
  },
  HF_JOBS_STOPPED: {
    summary: 'The worker is stopping.',
    when: 'The reason of `job.signal` when stop() did not want to wait any longer; the job is handed back and will run again.',
    fix: 'Nothing: end the handler soon.',
    retryable: true,
  },
  HF_JOBS_CANCELLED: {
    summary: 'Somebody wants a running job to end.',
    when: 'The reason of `job.signal` after `jobs.cancel(id)`; when the handler throws, the job ends as cancelled and is not retried.',
    fix: 'Nothing: end the handler soon. What it wrote through `job.tx` is rolled back.',
  },
  HF_JOBS_RESULT_INVALID: {
    summary: 'What a handler returned, or wants to save, cannot be stored as JSON.',
    when: 'The definition has `keepMs`, or `checkpoint.save` was called, and the value is a function, a cycle, a BigInt, or holds a character that jsonb cannot store. A job whose result this is goes to the dead letters without another attempt: its work is done, except in a transaction, which is rolled back.',
    fix: 'Return plain data, or nothing.',
  },
  HF_JOBS_RESULT_TOO_LARGE: {
    summary: 'A result or a checkpoint is larger than allowed.',
    when: 'Its JSON has more bytes than `maxBytes` (default 1 MiB). A job whose result this is goes to the dead letters without another attempt: its work is done, except in a transaction, which is rolled back.',
    fix: 'Store the data in a table or in object storage and return its id.',
  },
  HF_JOBS_REDRIVEN: {
    summary: 'A run that had succeeded was sent again.',
    when: "Seen in the history of the new run, after `redrive({ from: 'succeeded' })`.",
    fix: 'Nothing: it names the run that it repeats.',
  },
  HF_JOBS_WATCH_DEADLINE: {
    summary: 'A watched job had not ended when the time for watching was over.',
    when: '`jobs.watch()` has waited for `deadlineMs` (default an hour). The job is not touched.',
    fix: 'Watch it again, or raise `deadlineMs`.',
    retryable: true,
    status: 504,
  },
  HF_JOBS_CRON: {
    summary: 'A cron schedule or its time zone cannot be used.',
    when: 'createJobs() was given a schedule that is not five fields of cron, a time zone that does not exist, two crons of one name, or one that never fires.',
    fix: 'Write minute, hour, day of month, month and day of week, such as `0 3 * * *`, and an IANA time zone such as `Europe/Berlin`.',
    exitCode: 2,
  },
  HF_JOBS_NOT_FOUND: {
    summary: 'There is no dead letter of that id, or no queue of that name.',
    when: 'It was redriven or deleted before, or never existed.',
    fix: 'List them with `holdfast jobs` or on the dashboard.',
    status: 404,
    exitCode: 1,
  },
} as const satisfies ErrorTable

export const jobsError = defineErrors(jobsErrors)
