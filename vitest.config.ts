import { defineConfig } from 'vitest/config'

// Every suite that talks to a database runs on each server named here, besides the embedded PostgreSQL:
// HOLDFAST_TEST_URLS='pg15=postgres://…,pg16=postgres://…' (a superuser of a server for tests only).
const otherServers = (process.env['HOLDFAST_TEST_URLS'] ?? '').split(',').filter((entry) => entry !== '')

const shared = {
  pool: 'forks' as const,
  // Without isolation a file costs its tests and not a new process; test files therefore hold no state of their own.
  isolate: false,
  setupFiles: ['test/setup/leaks.ts'],
  globalSetup: ['test/setup/server.ts'],
  testTimeout: 20_000,
  hookTimeout: 60_000,
}

// These start servers of their own from the embedded binaries: another server would not be asked.
const ownServers = ['test/core/hosts.test.ts']
// Minutes of it are about the order of our own statements, which no version of the server changes.
const once = ['test/sagas/explore.test.ts']
// What stands on the modules runs on the newest version and on the first of the others, the oldest; the modules on each.
const newestAndOldest = ['test/prove/experiments.test.ts', 'test/example/**/*.test.ts', 'test/clash/**/*.test.ts']
const databaseSuites = [
  'test/core/**/*.test.ts',
  'test/jobs/**/*.test.ts',
  'test/idempotency/**/*.test.ts',
  'test/locks/**/*.test.ts',
  'test/holds/**/*.test.ts',
  'test/sagas/**/*.test.ts',
  'test/watch/**/*.test.ts',
  'test/clash/**/*.test.ts',
  'test/prove/**/*.test.ts',
  'test/example/**/*.test.ts',
]

export default defineConfig({
  resolve: { conditions: ['holdfast-src'] },
  ssr: { resolve: { conditions: ['holdfast-src'] } },
  test: {
    reporters: ['default', './test/setup/summary-reporter.ts'],
    allowOnly: process.env['CI'] === undefined,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { ...shared, name: 'embedded', include: ['test/**/*.test.ts'] } },
      ...otherServers.map((entry, place) => {
        const [name = '', url = ''] = entry.split(/=(.*)/s)
        return {
          extends: true as const,
          test: {
            ...shared,
            name,
            include: databaseSuites,
            exclude: [...ownServers, ...once, ...(place > 0 ? newestAndOldest : [])],
            env: { HOLDFAST_TEST_SERVER: url },
          },
        }
      }),
    ],
  },
})
