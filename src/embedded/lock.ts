import { randomBytes } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { embeddedError } from './errors.js'
import { identifySelf, isAlive, type ProcessId } from './processes.js'
import { pollUntil, type Patience } from './waiting.js'

interface Owner extends ProcessId {
  nonce: string
}

/** Runs `body` while no other process does so for the same file. A dead owner's lock is taken over at once. */
export async function withLock<T>(path: string, patience: Patience, body: () => Promise<T>): Promise<T> {
  const owner: Owner = { ...(await identifySelf()), nonce: randomBytes(6).toString('hex') }
  await acquire(path, owner, patience)
  try {
    return await body()
  } finally {
    if ((await readOwner(path))?.nonce === owner.nonce) await rm(path, { force: true })
  }
}

async function acquire(path: string, owner: Owner, patience: Patience): Promise<void> {
  const begun = performance.now()
  const got = await pollUntil(() => tryOnce(path, owner, patience), patience, 15)
  if (got) return
  const holder = await readOwner(path)
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  throw embeddedError(
    'HF_EMBEDDED_LOCKED',
    `Waited ${seconds} s for ${path}, held by process ${holder?.pid ?? 'unknown'}, which is alive.`,
    { details: { path, pid: holder?.pid } },
  )
}

async function tryOnce(path: string, owner: Owner, patience: Patience): Promise<true | undefined> {
  if (await createWithContent(path, owner)) return true
  const holder = await readOwner(path)
  if (holder && !(await isAlive(holder))) await breakLock(path, holder, patience)
  return undefined
}

/** The file appears together with its content: a lock seen empty would look like one of a dead owner. */
async function createWithContent(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.draft-${owner.nonce}`
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 })
  try {
    await link(draft, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // File systems without hard links; readOwner allows for the moment in which the file is empty.
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EMLINK')
      return await createExclusive(path, owner)
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function createExclusive(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Two processes that both saw the dead owner must not remove one lock each, because the second removal would hit
 * the lock that the first one made meanwhile. So removing the lock of one particular owner is itself done under a
 * lock named after that owner; if that remover dies too, the same rule applies to its lock.
 */
async function breakLock(path: string, dead: Owner, patience: Patience): Promise<void> {
  await withLock(`${path}.${dead.nonce}`, patience, async () => {
    if ((await readOwner(path))?.nonce === dead.nonce) await rm(path, { force: true })
  })
}

async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Owner
  } catch {
    const info = await stat(path).catch(() => undefined)
    // Unreadable for two seconds: its writer died between creating and filling it (or the machine lost power).
    if (info && Date.now() - info.mtimeMs > 2_000) return { pid: 2 ** 31 - 1, start: 'unreadable', nonce: 'unreadable' }
    return undefined
  }
}
