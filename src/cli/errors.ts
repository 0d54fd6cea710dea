import { defineErrors, type ErrorTable } from '../core/index.js'

export const cliErrors = {
  HF_CLI_USAGE: {
    summary: 'The command line cannot be understood.',
    when: 'An unknown command or option, a missing value or one of the wrong kind. Nothing was done. The message names the nearest one that exists.',
    fix: 'Run `holdfast help` for the commands, `holdfast <command> --help` for its options.',
    exitCode: 2,
  },
  HF_CLI_PORT_TAKEN: {
    summary: 'The port is in use by another program.',
    when: 'Something already listens there, often an earlier start. Nothing of ours was left running.',
    fix: 'End the other program, or choose another port: `PORT=3001 npm start`.',
    exitCode: 2,
  },
  HF_CLI_APP_ENDED: {
    summary: 'The application that `holdfast dev` started has ended by itself.',
    when: 'Its own output above says why. The embedded server was stopped.',
    fix: 'Read the application’s output; run it alone with the DATABASE_URL that was printed.',
    exitCode: 1,
  },
  HF_CLI_QUEUE_UNKNOWN: {
    summary: 'No queue has that name.',
    when: 'Asked of `holdfast jobs`. A queue exists from the first time that a process which knows the job has started, or somebody has sent one. The message names the nearest queue that exists.',
    fix: 'Run `holdfast jobs` to list all queues of this database.',
    exitCode: 1,
  },
  HF_CLI_SAGA_UNKNOWN: {
    summary: 'No saga has that name.',
    when: 'Asked of `holdfast sagas list`. A name is known from the first time that a process which has its code has started. The message names the nearest one that exists.',
    fix: 'Run `holdfast sagas` to list all sagas of this database.',
    exitCode: 1,
  },
  HF_CLI_QUERY_UNKNOWN: {
    summary: 'No statement has that id.',
    when: 'Asked of `holdfast query`. Nobody has seen it, or it has been forgotten.',
    fix: 'Run `holdfast query` to list statements with their ids, or look back further: `--since 7d`.',
    exitCode: 1,
  },
  HF_CLI_CLASH_UNKNOWN: {
    summary: 'No pair of requests has that id.',
    when: 'Asked of `holdfast clash`. Nobody has seen it, or it has been forgotten.',
    fix: 'Run `holdfast clash` to list pairs with their ids, those that are kept apart with `--protected`.',
    exitCode: 1,
  },
  HF_CLI_STOPPED: {
    summary: 'The command was stopped.',
    when: 'Somebody pressed Ctrl-C, or sent SIGTERM. What it had made for itself is gone.',
    fix: 'Run it again.',
    exitCode: 1,
  },
  HF_CLI_NOT_MIGRATED: {
    summary: 'The tables that the command works on are not there.',
    when: 'The database has no schema `holdfast`, or one of an older release. Nothing was done.',
    fix: 'Run `holdfast migrate` as the owner; `holdfast migrate --status` tells what is missing.',
    exitCode: 1,
  },
  HF_CLI_ERROR_UNKNOWN: {
    summary: 'No error has that code.',
    when: 'Asked of `holdfast errors`. The message names the nearest code that exists.',
    fix: 'Run `holdfast errors` to list all codes.',
    exitCode: 2,
  },
} satisfies ErrorTable

export const cliError = defineErrors(cliErrors)
