// STAND-IN until main's configuration lands.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['holdfast-src', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['holdfast-src', 'node', 'import', 'default'] } },
  test: { include: ['test/**/*.test.ts'], pool: 'forks', isolate: false, testTimeout: 20_000, hookTimeout: 20_000 },
})
