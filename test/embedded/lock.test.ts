import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withLock } from '../../src/embedded/lock.js'
import { beginPatience } from '../../src/embedded/waiting.js'
import { withScratch } from './scratch.js'

test(
  'many at once that all see the lock of a dead owner: one at a time, and nothing remains',
  { timeout: 30_000 },
  () =>
    withScratch(async (scratch) => {
      const path = join(scratch, 'lock')
      const state = { inside: 0, most: 0, done: 0 }
      for (let round = 0; round < 5; round++) {
        await writeFile(path, JSON.stringify({ pid: 2 ** 22 + 7, start: 'gone', nonce: `dead-${round}` }))
        const work = Array.from({ length: 8 }, () =>
          withLock(path, beginPatience(20_000), async () => {
            state.inside += 1
            state.most = Math.max(state.most, state.inside)
            await breathe()
            state.inside -= 1
            state.done += 1
          }),
        )
        await Promise.all(work)
      }
      expect(state).toEqual({ inside: 0, most: 1, done: 40 })
      expect(await readdir(scratch)).toEqual([])
    }),
)
