import { connect } from 'holdfast'
import { createLocks } from 'holdfast/locks'
import { createLockWork, timeStretch } from '../contests/locks/lock-work.js'
import { KEY, WIDE_POOL, WIDE_WAIT_MS } from '../contests/locks/settings.js'
import type { Subject } from '../harness/types.js'

/** The defaults of all options, but for the size of the pool: what it has more than it must is counted. */
const subject: Subject = {
  open: async (url) => {
    const db = await connect({ url, pool: { max: WIDE_POOL } })
    await db.migrate()
    const locks = createLocks(db)
    const runAll = async (keys: readonly string[]) => {
      let [failed, served] = [0, 0]
      const take = async (key: string) => {
        try {
          await locks.run(key, async () => await Promise.resolve(served++), { waitMs: WIDE_WAIT_MS })
        } catch {
          failed++
        }
      }
      await Promise.all(keys.map(take))
      return [failed, keys.length - served]
    }
    return createLockWork({
      acquire: async (key) => {
        const lock = await locks.acquire(key)
        return async () => await lock.release()
      },
      operations: { short: async () => await locks.short(`own:${process.pid}`, async () => {}) },
      measures: {
        wide_keys: async (amount) =>
          await timeStretch(amount, async () => await runAll(listKeys(amount, (n) => `user:${process.pid}:${n}`))),
        wide_waiters: async (amount) =>
          await timeStretch(amount, async () => await runAll(listKeys(amount, () => KEY))),
      },
      close: async () => {
        await locks.close()
        await db.close()
      },
    })
  },
}

function listKeys(amount: number, name: (n: number) => string): string[] {
  return Array.from({ length: amount }, (_, n) => name(n))
}

export default subject
