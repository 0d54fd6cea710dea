import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { connectTo } from '../../src/core/index.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A server for tests, and a migrated database there that each test file copies. */
    server: { url: string; template: string }
  }
}

// A test server survives `kill -9` but need not survive a power cut.
const fastSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'on', max_connections: '300' }

/** Once per run and server: starts it (or takes the one given) and makes the template. */
export default async function setUpServer(project: TestProject): Promise<() => Promise<void>> {
  const given = project.config.env?.['HOLDFAST_TEST_SERVER']
  const server = given === undefined ? await startServer() : { url: given, stop: async () => {} }
  const template = `hf_template_${process.pid}`
  await runAdmin(server.url, `create database ${template}`)
  const db = await connectTo({ url: withDatabase(server.url, template), directUrl: withDatabase(server.url, template) })
  await db.migrate()
  await db.close()
  project.provide('server', { url: server.url, template })
  return async () => {
    await runAdmin(server.url, `drop database ${template} with (force)`)
    await server.stop()
  }
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const { startEmbedded } = await import('../../src/embedded/index.js')
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  // mkdtemp closes the folder to others; the server's own user would be given one outside it that outlives the run.
  await chmod(dir, 0o755)
  const { url, stop } = await startEmbedded({ dir, settings: fastSettings })
  return {
    url,
    stop: async () => {
      await stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function runAdmin(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(text)
  await client.end()
}

function withDatabase(url: string, database: string): string {
  const copy = new URL(url)
  copy.pathname = `/${database}`
  return copy.href
}
