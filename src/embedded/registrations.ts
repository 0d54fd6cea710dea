import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { embeddedError } from './errors.js'
import { readJson, writeAtomically, type Home } from './home.js'
import { isAlive, nameProcessSpace, type ProcessId } from './processes.js'

export interface Registration {
  id: string
  client: ProcessId
  guardian: ProcessId
  /** Where the two numbers count. */
  space: string
}

/** How often a guardian touches its registration: the only sign of life that another container can see. */
export const beatMs = 3_000
const foreignMs = 5 * beatMs

/** All functions here but `beat` are called under the folder's lock. */
export async function register(home: Home, registration: Registration): Promise<void> {
  await mkdir(home.clients, { recursive: true })
  await writeAtomically(nameFile(home, registration.id), `${JSON.stringify(registration)}\n`)
}

export async function unregister(home: Home, id: string): Promise<void> {
  await rm(nameFile(home, id), { force: true })
}

export async function beat(home: Home, id: string): Promise<void> {
  const now = new Date()
  // Deleted by hand together with the folder: then there is nobody to tell.
  await utimes(nameFile(home, id), now, now).catch(() => undefined)
}

/** How many still use the server. Registrations whose processes are dead are removed on the way. */
export async function countLive(home: Home): Promise<number> {
  const space = await nameProcessSpace()
  const names = (await readdir(home.clients).catch(() => [])).filter((name) => name.endsWith('.json'))
  const live = await Promise.all(names.map((name) => keepIfLive(join(home.clients, name), space)))
  return live.filter(Boolean).length
}

/** Two servers in one data folder destroy it, and PostgreSQL's own check does not see into another container either. */
export async function refuseForeign(home: Home): Promise<void> {
  const space = await nameProcessSpace()
  const names = (await readdir(home.clients).catch(() => [])).filter((name) => name.endsWith('.json'))
  for (const name of names) {
    const path = join(home.clients, name)
    const found = await readJson<Registration>(path)
    if (!found || !isForeign(found, space) || !(await isBeating(path))) continue
    throw embeddedError(
      'HF_EMBEDDED_ELSEWHERE',
      `A process on "${found.space}" uses the server of ${home.dir}; this one is on "${space}".`,
      { details: { dir: home.dir, space, other: found.space } },
    )
  }
}

/**
 * Both halves must live. A client without guardian has been given a new one under a new registration; a guardian
 * without client is about to leave and looks at the others itself.
 */
async function keepIfLive(path: string, space: string): Promise<boolean> {
  const found = await readJson<Registration>(path)
  if (found && (await isLive(found, path, space))) return true
  await rm(path, { force: true })
  return false
}

async function isLive(found: Registration, path: string, space: string): Promise<boolean> {
  if (isForeign(found, space)) return isBeating(path)
  return (await isAlive(found.client)) && (await isAlive(found.guardian))
}

function isForeign(found: Registration, space: string): boolean {
  return found.space !== undefined && found.space !== space
}

async function isBeating(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined)
  return info !== undefined && Date.now() - info.mtimeMs < foreignMs
}

function nameFile(home: Home, id: string): string {
  return join(home.clients, `${id}.json`)
}
