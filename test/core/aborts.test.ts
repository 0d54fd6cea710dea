import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAborts } from '../chaos/core/aborts.js'
import { countWrongCancels } from '../chaos/core/unguarded.js'
import { openTestDatabase, type TestDatabase } from '../helpers/database.js'
import { findPgBouncer, startPgBouncer } from '../helpers/pgbouncer.js'

// The whole of it: npm run chaos -- core (directly), HOLDFAST_ABORTS=20000 npx vitest run test/core/aborts.test.ts (both ways)
const COUNT = Number(process.env['HOLDFAST_ABORTS'] ?? 1_500)
// Two test files at once make everything later; the chaos run is held to 100 ms.
const STOP_WITHIN_MS = 500

let box: TestDatabase
beforeAll(async () => {
  box = await openTestDatabase({ connect: { pool: { max: 1 } } })
})
afterAll(async () => await box.close())

const isInstalled = (await findPgBouncer()) !== undefined
if (!isInstalled) process.stderr.write('SKIPPED: aborts through PgBouncer need pgbouncer (apt-get install pgbouncer)\n')

describe('aborted statements hit nobody else', { timeout: 600_000 }, () => {
  test('directly', async () => {
    const options = { url: box.url, serverUrl: box.url, count: COUNT, seed: 1, stopWithinMs: STOP_WITHIN_MS }
    const { invariants, counts } = await runAborts(options)
    expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
    expect(counts['aborts that ended as aborted']).toBeGreaterThan(COUNT / 2)
  })

  test.skipIf(!isInstalled)('through PgBouncer in transaction mode', async () => {
    const bouncer = await startPgBouncer(box.url, { mode: 'transaction', poolSize: 3 })
    const options = { url: bouncer.url, serverUrl: box.url, count: COUNT, seed: 2, stopWithinMs: STOP_WITHIN_MS }
    const { invariants } = await runAborts(options)
    await bouncer.close()
    expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
  })

  test('and do when the client is reused before the cancel connection is closed', async () => {
    expect(await countWrongCancels({ url: box.url, count: 300, seed: 3 })).toBeGreaterThan(0)
  })
})
