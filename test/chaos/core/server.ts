import { startEmbedded, type EmbeddedServer } from 'holdfast/embedded'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

// The crashes here are those of processes: what the system was given survives them without fsync.
const usualSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'on', max_connections: '200' }

/** A PostgreSQL of its own that can be crashed and restarted. */
export interface ChaosServer {
  url(): string
  query<T extends pg.QueryResultRow>(text: string, params?: unknown[]): Promise<T[]>
  /** `kill -9` of the postmaster, then a start that has to recover. */
  crash(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export async function startServer(more: Record<string, string> = {}): Promise<ChaosServer> {
  const settings = { ...usualSettings, ...more }
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-chaos-'))
  await chmod(dir, 0o755)
  let server = await startEmbedded({ dir, settings })

  async function start(): Promise<EmbeddedServer> {
    return await startEmbedded({ dir, settings })
  }

  async function query<T extends pg.QueryResultRow>(text: string, params: unknown[] = []): Promise<T[]> {
    const client = new pg.Client({ connectionString: server.url })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<T>(text, params)).rows
    } finally {
      await client.end()
    }
  }

  return {
    url: () => server.url,
    query,
    crash: async () => {
      const [pid] = (await readFile(join(server.dataDir, 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGKILL')
      const crashed = server
      server = await start()
      await crashed.stop()
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    close: async () => {
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
