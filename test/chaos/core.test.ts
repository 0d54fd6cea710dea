import { expect, test } from 'vitest'
import { startServer } from './core/server.js'
import { runStorm } from './core/storm.js'

const COUNT = 2_000

// The whole of it, 200,000 requests: npm run chaos -- core
test('requests under faults: nothing hangs, nothing is lost, nothing is claimed that is not so', async () => {
  const server = await startServer()
  const programs = new URL('./dist/core/', import.meta.url)
  try {
    const { invariants, faults } = await runStorm({ server, programs, count: COUNT, seed: 7, report: () => {} })
    expect(invariants.filter(({ violations }) => violations > 0)).toEqual([])
    expect(Object.keys(faults).length).toBe(8)
  } finally {
    await server.close()
  }
}, 60_000)
