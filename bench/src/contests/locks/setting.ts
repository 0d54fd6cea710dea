import type { PeerSetting as Setting } from '../../harness/peer-contest.js'
import { startSubject, type SubjectStart } from '../../harness/subjects.js'

export type { PeerPart as Part, PeerSetting as Setting } from '../../harness/peer-contest.js'

export const HOLDFAST = 'holdfast'
export const AGAIN = 'holdfast again'
export const ADVISORY = 'pg_advisory_xact_lock'
/** The same in two round trips instead of three. */
export const ADVISORY_JOINED = 'pg_advisory_xact_lock, joined'
export const ROW_LEASE = 'row lease'
export const REDLOCK = 'redlock'
export const REDLOCK_EAGER = 'redlock, every 10 ms'
export const SEMAPHORE = 'redis-semaphore'

export const onPostgres: readonly string[] = [HOLDFAST, AGAIN, ADVISORY, ADVISORY_JOINED, ROW_LEASE]
export const onRedis: readonly string[] = [REDLOCK, REDLOCK_EAGER, SEMAPHORE]

const modules: Readonly<Record<string, string>> = {
  [HOLDFAST]: 'locks-holdfast',
  [AGAIN]: 'locks-holdfast',
  [ADVISORY]: 'locks-advisory',
  [ADVISORY_JOINED]: 'locks-advisory-joined',
  [ROW_LEASE]: 'locks-row-lease',
  [REDLOCK]: 'locks-redlock',
  [REDLOCK_EAGER]: 'locks-redlock-eager',
  [SEMAPHORE]: 'locks-redis-semaphore',
}

/** Those on Redis only where there is one. */
export function chooseNames({ redisUrl }: Setting, names: readonly string[]): string[] {
  return names.filter((name) => redisUrl !== undefined || !onRedis.includes(name))
}

/** One process of a subject. `url`: where it is to go instead of to its own database. */
export function describeSubject(setting: Setting, name: string, lanes: number, url?: string): SubjectStart {
  const { execPath, redisUrl, databases } = setting
  const module = new URL(`../../subjects/${modules[name]}.js`, import.meta.url)
  const own = onRedis.includes(name) ? (redisUrl as string) : databases.urlOf(name)
  return { name, start: async () => await startSubject(name, module, url ?? own, lanes, execPath) }
}
