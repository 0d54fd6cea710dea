import { expect, test } from 'vitest'
import { runLocks } from './locks/run-locks.js'

const programs = new URL('./dist/locks/', import.meta.url)

/** What luck does not break in one run it breaks in another: as many as it takes, at most five. */
async function findBroken(
  count: number,
  only: string[],
  without: string[],
  expected: readonly string[],
): Promise<string[]> {
  const broken = new Set<string>()
  for (let seed = 7; seed < 12 && !expected.every((name) => broken.has(name)); seed++) {
    const { invariants } = await runLocks({ count, seed, only, without, report: () => {} }, programs)
    for (const { name, violations } of invariants) if (violations > 0) broken.add(name)
  }
  return [...broken]
}

// The same by hand: npm run chaos -- locks --count 2000 --without fence,order,shared,mutex,short
test('without fence, order and mutex the invariants of the history are broken', async () => {
  const expected = [
    'no stale write: fences of a key rise in the order of the commits',
    'no lost update: a value is the number of its committed writes',
    'no fenced transaction begins before the one of the holder before has committed',
    'what a shared holder reads does not change under it',
    'nobody is overtaken by a later ticket',
    'no two in a queue hold what only one may',
    'nobody in a queue holds behind one who waits',
  ]
  const without = ['fence', 'order', 'shared', 'mutex', 'short']
  const broken = await findBroken(1_500, ['worker stopped past its lease'], without, expected)
  expect(broken).toEqual(expect.arrayContaining(expected))
}, 240_000)

test('without an end of leases the keys of the dead are stuck', async () => {
  const expected = [
    'every key can be had within a lease and 2 s after the last fault',
    'no request is left when all have ended',
  ]
  // Whoever is killed may hold nothing at that instant.
  const broken = await findBroken(300, ['worker killed'], ['expiry'], expected)
  expect(broken).toEqual(expect.arrayContaining(expected))
}, 240_000)
