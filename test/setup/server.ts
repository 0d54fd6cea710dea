import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { connectTo } from '../../src/core/index.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** A server for tests, a migrated database there that each test file copies, and the role that tests run as. */
    server: { url: string; template: string; role: string; password: string }
  }
}

// A test server survives `kill -9` but need not survive a power cut.
const fastSettings = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'on',
  max_connections: '300',
  // For a side of the experiment half-done-order.
  max_prepared_transactions: '50',
}

/** Once per run and server: starts it (or takes the one given) and makes the template. */
export default async function setUpServer(project: TestProject): Promise<() => Promise<void>> {
  const given = project.config.env?.['HOLDFAST_TEST_SERVER']
  const server = given === undefined ? await startServer() : { url: given, stop: async () => {} }
  const template = `hf_template_${process.pid}`
  const [role, password] = [`hf_runtime_${process.pid}`, randomBytes(16).toString('hex')]
  await runAdmin(server.url, `create role ${role} login password '${password}' nosuperuser nocreatedb nocreaterole`)
  await makeTemplate(server.url, template, role)
  project.provide('server', { url: server.url, template, role, password })
  return async () => {
    await dropRemains(server.url, role)
    await server.stop()
  }
}

/** Owned by the superuser. The runtime role may make tables of its own in public, and none in the schema holdfast. */
async function makeTemplate(serverUrl: string, template: string, role: string): Promise<void> {
  await runAdmin(serverUrl, `create database ${template}`)
  const url = withDatabase(serverUrl, template)
  const db = await connectTo({ url, directUrl: url, heartbeatMs: 0 })
  await db.migrate({ grantTo: [role] })
  await db.query(`grant create on schema public to ${role}`)
  await db.close()
}

/** The databases of this run, those of failed tests too: the role cannot be dropped while one of them knows it. */
async function dropRemains(serverUrl: string, role: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  const text = `select datname from pg_database where datname ~ ('^hf_(template|test)_' || $1 || '(_|$)')`
  const { rows } = await client.query<{ datname: string }>(text, [process.pid])
  for (const { datname } of rows) await client.query(`drop database "${datname}" with (force)`)
  await client.query(`drop role ${role}`)
  await client.end()
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
