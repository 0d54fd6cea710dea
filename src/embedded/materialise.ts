import { createHash, randomBytes } from 'node:crypto'
import { chmod, copyFile, link, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'

/**
 * A complete copy of the binaries below `base`: hard links where possible, else copies. Several processes may do it at
 * once: each builds its own folder and the first rename wins.
 */
export async function materialise(
  root: string,
  base: string,
  links: readonly { source: string; target: string }[],
  programs: readonly string[],
): Promise<string> {
  const target = join(base, `binaries-${await fingerprint(root)}`)
  if (await isFolder(target)) return target
  const draft = `${target}.draft-${randomBytes(6).toString('hex')}`
  try {
    await makeOpenFolder(draft)
    await copyTree(root, draft, new Set(programs))
    await Promise.all(links.map((entry) => addLink(draft, entry)))
    await rename(draft, target)
  } catch (error) {
    if (!(await isFolder(target))) throw error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return target
}

/** Another version installed at the same path is another copy. */
async function fingerprint(root: string): Promise<string> {
  const info = await stat(join(root, 'bin', 'postgres'))
  return createHash('sha256').update(`${root} ${info.size} ${info.mtimeMs}`).digest('hex').slice(0, 12)
}

async function copyTree(root: string, draft: string, programs: ReadonlySet<string>): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory())
  const files = entries.filter((entry) => entry.isFile() && extname(entry.name) !== '.a')
  // Parents come before their children in the listing.
  for (const { parentPath, name } of folders) await makeOpenFolder(join(draft, relative(root, join(parentPath, name))))
  for (const { parentPath, name } of files) {
    const from = join(parentPath, name)
    await addFile(from, join(draft, relative(root, from)), programs.has(name))
  }
  // Links that were there, e.g. made by the install script, are covered by the list unless a folder has none.
  const found = entries.filter((entry) => entry.isSymbolicLink())
  for (const { parentPath, name } of found) {
    const from = join(parentPath, name)
    await copyFile(from, join(draft, relative(root, from))).catch(() => undefined)
  }
}

/** A hard link has the modes of the original, so one that others may not use has to be a copy. */
async function addFile(from: string, to: string, executable: boolean): Promise<void> {
  const needed = executable ? 0o555 : 0o444
  const { mode } = await stat(from)
  if ((mode & needed) === needed) {
    const linked = await link(from, to).then(
      () => true,
      () => false,
    )
    if (linked) return
  }
  await copyFile(from, to)
  await chmod(to, (mode & 0o777) | 0o644 | needed)
}

async function addLink(draft: string, { source, target }: { source: string; target: string }): Promise<void> {
  const path = join(draft, target)
  await rm(path, { force: true })
  await mkdir(dirname(path), { recursive: true })
  await symlink(basename(source), path)
}

/** Against a strict umask: the server's user has to pass through. */
async function makeOpenFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  )
}
