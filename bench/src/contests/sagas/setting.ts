import type { PeerSetting as Setting } from '../../harness/peer-contest.js'
import { startSubject, type SubjectProcess } from '../../harness/subjects.js'

export type { PeerPart as Part, PeerSetting as Setting } from '../../harness/peer-contest.js'

export const HOLDFAST = 'holdfast'
export const AGAIN = 'holdfast again'
export const DBOS = 'DBOS'
/** The same twice, of which one has parked sagas. */
export const EMPTY = 'holdfast empty'
export const PARKED = 'holdfast parked'

/** Subjects that have a database of their own. */
export const onPostgres: readonly string[] = [HOLDFAST, AGAIN, DBOS, EMPTY, PARKED]

interface Place {
  /** Of `subjects/`. */
  module: string
  lanes?: number
  /** Where it is to go instead of to its own database. */
  url?: string
  env?: Readonly<Record<string, string>>
}

export async function startProcess(
  { execPath, databases }: Setting,
  name: string,
  { module, lanes = 1, url = databases.urlOf(name), env = {} }: Place,
): Promise<SubjectProcess> {
  const file = new URL(`../../subjects/${module}.js`, import.meta.url)
  return await startSubject(name, file, url, lanes, execPath, env)
}
