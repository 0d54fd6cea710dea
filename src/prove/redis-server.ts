import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { startPrograms } from './program.js'
import type { RedisAddress } from './redis-link.js'

/** Where the program is; undefined on a machine that lacks it. */
export async function findRedis(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter((each) => each !== '')) {
    const file = join(folder, 'redis-server')
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

/** With a Redis of its own on loopback, which keeps nothing and ends with `work`. */
export async function withRedis<T>(work: (address: RedisAddress) => Promise<T>): Promise<T> {
  const file = await findRedis()
  if (file === undefined) throw new Error('There is no redis-server on the PATH.')
  // By a process that ends with the experiment: no server stays behind when that is killed.
  const [keeper] = await startPrograms(1, { name: 'redis-keeper', options: { file }, onCall: () => {} })
  try {
    return await work((await keeper?.call('address')) as RedisAddress)
  } finally {
    await keeper?.call('end').catch(() => {})
    await keeper?.kill()
  }
}
