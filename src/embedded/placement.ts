import { createHash, randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { embeddedError } from './errors.js'
import { readJson, writeAtomically, type Home } from './home.js'
import type { RunUser } from './run.js'
import { tryAsUser } from './user.js'
import type { Patience } from './waiting.js'

interface Pointer {
  data: string
  /** The folder it was written for: a copied folder must not share the data of the original. */
  madeFor: string
  why: string
}

const systemBase = '/var/lib/holdfast'

export function nameDataDir(root: string): string {
  return join(root, 'pg')
}

/** Where the data of this folder are now, be it ours to enter or not. */
export async function locateRoot(home: Home): Promise<string> {
  const pointer = await readJson<Pointer>(home.pointer)
  if (!pointer || !(await isOurs(pointer, home))) return home.dir
  return dirname(pointer.data)
}

/** The root for the data, where `user` can really work: the folder itself, else a place that outlives a reboot, else the temporary one. */
export async function placeRoot(home: Home, user: RunUser | undefined, patience: Patience): Promise<string> {
  const known = await locateRoot(home)
  if (!user) return known
  if (known !== home.dir) return known
  if (await exists(nameDataDir(home.dir))) return placeExisting(home, user, patience)
  if (await canWorkIn(home.dir, user, patience)) return home.dir
  const root = await makeOutsideRoot(home, user, patience)
  await writePointer(home, root, user)
  return root
}

/** A folder for things of root's that `user` may read: binaries and data that cannot stay in the project. */
export async function openSharedBase(user: RunUser, patience: Patience): Promise<string> {
  for (const base of listBases()) {
    if ((await isSafeBase(base)) && (await tryAsUser(user, 'cd "$1"', [base], patience))) return base
  }
  throw embeddedError(
    'HF_EMBEDDED_DATA_UNREACHABLE',
    `User ${user.name} can enter neither the project's folder nor any of ${listBases().join(', ')}.`,
    { details: { user: user.name, tried: listBases() } },
  )
}

function listBases(): string[] {
  return [systemBase, join(tmpdir(), 'holdfast-root')]
}

/** Moved with its project the folder keeps its data; copied beside the original it gets its own. */
async function isOurs(pointer: Pointer, home: Home): Promise<boolean> {
  if (!listBases().includes(dirname(dirname(pointer.data))) || !(await exists(pointer.data))) return false
  return pointer.madeFor === (await realpath(home.dir)) || !(await exists(pointer.madeFor))
}

async function placeExisting(home: Home, user: RunUser, patience: Patience): Promise<string> {
  const data = nameDataDir(home.dir)
  if (await tryAsUser(user, 'cd "$1" && [ -w . ]', [data], patience)) return home.dir
  // Somebody closed a parent folder since the first start: the data follow to where the server can go.
  const root = await makeOutsideRoot(home, user, patience)
  try {
    await rename(data, nameDataDir(root))
  } catch (error) {
    throw embeddedError(
      'HF_EMBEDDED_DATA_UNREACHABLE',
      `User ${user.name} owns ${data} but can no longer enter it, and it could not be moved to ${root}.`,
      { cause: error, details: { dataDir: data, user: user.name } },
    )
  }
  await writePointer(home, root, user)
  return root
}

async function canWorkIn(dir: string, user: RunUser, patience: Patience): Promise<boolean> {
  const probe = await mkdtemp(join(dir, '.reach-'))
  try {
    await chown(probe, user.uid, user.gid)
    return await tryAsUser(user, 'cd "$1" && : > "$1/probe"', [probe], patience)
  } finally {
    await rm(probe, { recursive: true, force: true })
  }
}

/** The random half of the name: whoever deletes `.holdfast` to start afresh must not meet the old data again. */
async function makeOutsideRoot(home: Home, user: RunUser, patience: Patience): Promise<string> {
  const base = await openSharedBase(user, patience)
  const hash = createHash('sha256')
    .update(await realpath(home.dir))
    .digest('hex')
    .slice(0, 16)
  const root = join(base, `${hash}-${randomBytes(3).toString('hex')}`)
  await mkdir(root)
  await chmod(root, 0o755)
  return root
}

async function writePointer(home: Home, root: string, user: RunUser): Promise<void> {
  const pointer: Pointer = {
    data: nameDataDir(root),
    madeFor: await realpath(home.dir),
    why: `PostgreSQL refuses to run as root, and the user ${user.name} cannot enter this folder. To remove the data, delete the folder named in "data" too.`,
  }
  await writeAtomically(home.pointer, `${JSON.stringify(pointer, null, 2)}\n`)
}

/** In a folder for temporary files anybody may have put this name there first: then it is not used. */
async function isSafeBase(base: string): Promise<boolean> {
  try {
    if ((await mkdir(base, { recursive: true })) !== undefined) await chmod(base, 0o755)
    const info = await lstat(base)
    return info.isDirectory() && info.uid === 0 && (info.mode & 0o022) === 0
  } catch {
    return false
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
