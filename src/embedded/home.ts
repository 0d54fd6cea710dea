import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { embeddedError } from './errors.js'

/** The names of everything in the folder; nobody else spells them. */
export interface Home {
  dir: string
  password: string
  log: string
  guardianLog: string
  /** What the last start used: its port is preferred so that URLs stay the same. */
  lastStart: string
  /** Says where the data are when they are not here. */
  pointer: string
  lock: string
  clients: string
}

export interface LastStart {
  port: number
  major: number
  settings: Record<string, string>
}

export function describeHome(dir: string): Home {
  return {
    dir,
    password: join(dir, 'password'),
    log: join(dir, 'postgres.log'),
    guardianLog: join(dir, 'guardian.log'),
    lastStart: join(dir, 'last-start.json'),
    pointer: join(dir, 'data-location.json'),
    lock: join(dir, 'lock'),
    clients: join(dir, 'clients'),
  }
}

/** Makes the folder and proves that it can be written to, so that later steps need not guess what an EACCES means. */
export async function prepareHome(home: Home): Promise<void> {
  await translateFileErrors(home.dir, async () => {
    const made = await mkdir(home.dir, { recursive: true })
    if (made !== undefined) {
      // Against a strict umask: the server's unprivileged user has to pass through.
      await chmod(home.dir, 0o755)
      // Only in a folder of our own making: in a project's own folder it would hide the project from git.
      await writeFile(join(home.dir, '.gitignore'), '*\n')
    }
    await mkdir(home.clients, { recursive: true })
    const probe = join(home.clients, `.probe-${randomBytes(6).toString('hex')}`)
    await writeFile(probe, '')
    await rm(probe, { force: true })
  })
}

/** The superuser's password, as kept since the first start. */
export async function readPassword(home: Home): Promise<string> {
  const known = (await readFile(home.password, 'utf8').catch(() => '')).trim()
  if (known !== '') return known
  throw embeddedError('HF_EMBEDDED_PASSWORD', `There are data, but ${home.password} is missing or empty.`)
}

/** Written before initdb runs, so that no cluster ever exists whose password nobody knows. */
export async function makePassword(home: Home): Promise<string> {
  const password = randomBytes(24).toString('base64url')
  await writeAtomically(home.password, `${password}\n`)
  return password
}

export async function readLastStart(home: Home): Promise<LastStart | undefined> {
  return readJson<LastStart>(home.lastStart)
}

export async function writeLastStart(home: Home, last: LastStart): Promise<void> {
  await writeAtomically(home.lastStart, `${JSON.stringify(last, null, 2)}\n`)
}

/** A log that grows for months must not fill the disk; one older generation is kept. */
export async function rotateLog(path: string, maxBytes: number): Promise<void> {
  const info = await stat(path).catch(() => undefined)
  if (info && info.size > maxBytes) await rename(path, `${path}.1`)
}

/** What is there and readable, else undefined: a file half written at a power cut is as good as none. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch {
    return undefined
  }
}

export async function writeAtomically(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}

/** Gives the file system's refusals a code of ours; everything else passes. */
export async function translateFileErrors<T>(dir: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    const details = { dir, path, errno: code }
    const where = path ?? dir
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw embeddedError('HF_EMBEDDED_DISK_FULL', `${code} while writing ${where}.`, { cause: error, details })
    if (code && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code))
      throw embeddedError('HF_EMBEDDED_DIR_UNWRITABLE', `${code} while writing ${where}.`, { cause: error, details })
    throw error
  }
}
