import { readFile, stat } from 'node:fs/promises'
import { embeddedError } from './errors.js'
import { runProgram, type RunUser } from './run.js'
import type { Patience } from './waiting.js'

const candidates = ['postgres', 'nobody']

/** Who runs the server: undefined for ourselves, or an unprivileged user when we are root, which PostgreSQL refuses. */
export async function chooseUser(dataDir: string, patience: Patience): Promise<RunUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const user = (await readDataOwner(dataDir)) ?? (await findAccount())
  if (!user)
    throw embeddedError(
      'HF_EMBEDDED_ROOT',
      `This process is root, and none of ${candidates.join(', ')} is in /etc/passwd.`,
    )
  await proveDrop(user, patience)
  return user
}

/** Can `user` do this? Asked of a real shell running as that user, since modes, ACLs and mounts all have a say. */
export async function tryAsUser(
  user: RunUser | undefined,
  script: string,
  args: readonly string[],
  patience: Patience,
): Promise<boolean> {
  const { code, failure } = await runProgram('/bin/sh', ['-c', script, 'sh', ...args], user, patience)
  // Without a shell nothing can be tried beforehand; then initdb or the server will say what is wrong.
  if (failure?.code === 'ENOENT') return true
  return code === 0
}

/** The server must own its data, so data that exist decide, even when `postgres` was added to the system since. */
async function readDataOwner(dataDir: string): Promise<RunUser | undefined> {
  const info = await stat(dataDir).catch(() => undefined)
  if (!info || info.uid === 0) return undefined
  const accounts = await readAccounts()
  return accounts.find(({ uid }) => uid === info.uid) ?? { name: String(info.uid), uid: info.uid, gid: info.gid }
}

async function findAccount(): Promise<RunUser | undefined> {
  const accounts = await readAccounts()
  for (const name of candidates) {
    const found = accounts.find((account) => account.name === name)
    if (found) return found
  }
  return undefined
}

async function readAccounts(): Promise<RunUser[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ name, uid, gid }) => name !== '' && uid > 0 && gid > 0)
}

/** Root in a container may lack CAP_SETUID; better said here than as a strange failure of initdb. */
async function proveDrop(user: RunUser, patience: Patience): Promise<void> {
  const { failure } = await runProgram('/bin/sh', ['-c', 'exit 0'], user, patience)
  if (!failure || failure.code === 'ENOENT') return
  throw embeddedError(
    'HF_EMBEDDED_ROOT',
    `This process is root and may not become ${user.name} (uid ${user.uid}): ${failure.code}.`,
    { cause: failure, details: { user: user.name, uid: user.uid, errno: failure.code } },
  )
}
