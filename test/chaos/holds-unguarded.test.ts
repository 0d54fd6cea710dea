import { expect, test } from 'vitest'
import { runHolds } from './holds/run-holds.js'

const programs = new URL('./dist/holds/', import.meta.url)

async function findBroken(count: number, without: string[]): Promise<string[]> {
  const options = { count, seed: 7, only: ['worker killed'], without, report: () => {} }
  const { invariants } = await runHolds(options, programs)
  return invariants.filter(({ violations }) => violations > 0).map(({ name }) => name)
}

// The same by hand: npm run chaos -- holds --count 2000 --without lock,units,key
test('without locks and keys more is sold than there is', async () => {
  expect(await findBroken(2_000, ['lock', 'units', 'key'])).toEqual(
    expect.arrayContaining([
      'nothing is oversold: what is free is never below 0',
      'a unit is held by the hold that names it, and by no other',
      'no unit is sold twice',
      'of a key there is one hold',
      'two calls at once with one key have one hold',
    ]),
  )
}, 90_000)

test('where what has expired is not put back, and confirming is apart from ordering or does nothing, places are lost', async () => {
  expect(await findBroken(250, ['back', 'expiry', 'confirm', 'together'])).toEqual(
    expect.arrayContaining([
      'free, held and confirmed make the total',
      'no order without its confirmed hold',
      'no confirmed hold without its order',
      'what nobody has confirmed comes back after its time',
      'what is free can be had',
    ]),
  )
}, 90_000)
