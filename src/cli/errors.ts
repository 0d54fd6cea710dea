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
  HF_CLI_ERROR_UNKNOWN: {
    summary: 'No error has that code.',
    when: 'Asked of `holdfast errors`. The message names the nearest code that exists.',
    fix: 'Run `holdfast errors` to list all codes.',
    exitCode: 2,
  },
} satisfies ErrorTable

export const cliError = defineErrors(cliErrors)
