import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readJson, writeAtomically, type Home } from './home.js'
import { isAlive, type ProcessId } from './processes.js'

export interface Registration {
  id: string
  client: ProcessId
  guardian: ProcessId
}

/** All functions here are called under the folder's lock. */
export async function register(home: Home, registration: Registration): Promise<void> {
  await mkdir(home.clients, { recursive: true })
  await writeAtomically(join(home.clients, `${registration.id}.json`), `${JSON.stringify(registration)}\n`)
}

export async function unregister(home: Home, id: string): Promise<void> {
  await rm(join(home.clients, `${id}.json`), { force: true })
}

/** How many still use the server. Registrations whose processes are dead are removed on the way. */
export async function countLive(home: Home): Promise<number> {
  const names = await readdir(home.clients).catch(() => [])
  const live = await Promise.all(names.filter((name) => name.endsWith('.json')).map((name) => keepIfLive(home, name)))
  return live.filter(Boolean).length
}

/**
 * Both halves must live. A client without guardian has been given a new one under a new registration; a guardian
 * without client is about to leave and looks at the others itself.
 */
async function keepIfLive(home: Home, name: string): Promise<boolean> {
  const path = join(home.clients, name)
  const found = await readJson<Registration>(path)
  if (found && (await isAlive(found.client)) && (await isAlive(found.guardian))) return true
  await rm(path, { force: true })
  return false
}
