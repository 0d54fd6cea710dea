import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { eventually } from './eventually.js'

export interface PgBouncer {
  /** The same database URL, through the pooler. */
  url: string
  close(): Promise<void>
}

export interface PgBouncerOptions {
  mode: 'session' | 'transaction'
  /** Backends for all its clients together. Default: 10. */
  poolSize?: number
}

/** Debian's `nobody`: PgBouncer refuses to run as root. */
const UNPRIVILEGED = 65_534

/** Where the program is; undefined on a machine that lacks it. */
export async function findPgBouncer(): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const folder of folders.filter((each) => each !== '')) {
    const file = join(folder, 'pgbouncer')
    const isThere = await access(file).then(
      () => true,
      () => false,
    )
    if (isThere) return file
  }
  return undefined
}

/** A real PgBouncer of its own on loopback, in front of the server that `serverUrl` names. */
export async function startPgBouncer(serverUrl: string, options: PgBouncerOptions): Promise<PgBouncer> {
  const program = await findPgBouncer()
  if (program === undefined) throw new Error('pgbouncer is not installed: apt-get install pgbouncer')
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-pgbouncer-'))
  const port = await findFreePort()
  await writeConfig(dir, new URL(serverUrl), port, options)
  const identity = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {}
  const child = spawn(program, [join(dir, 'pgbouncer.ini')], { ...identity, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-2_000)))
  const url = new URL(serverUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const close = async () => {
    await end(child)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await eventually(() => tryLogin(url.href), { withinMs: 10_000 })
  } catch (cause) {
    await close()
    throw new Error(`pgbouncer does not answer: ${log}`, { cause })
  }
  return { url: url.href, close }
}

async function writeConfig(dir: string, server: URL, port: number, { mode, poolSize = 10 }: PgBouncerOptions) {
  const user = decodeURIComponent(server.username)
  const config = `[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(dir, 'userlist.txt')}
pool_mode = ${mode}
default_pool_size = ${poolSize}
max_client_conn = 500
log_connections = 0
log_disconnections = 0
`
  await chmod(dir, 0o755)
  await writeFile(join(dir, 'pgbouncer.ini'), config)
  await writeFile(join(dir, 'userlist.txt'), `"${user}" "${decodeURIComponent(server.password)}"\n`, { mode: 0o600 })
  if (process.getuid?.() === 0) await chown(join(dir, 'userlist.txt'), UNPRIVILEGED, UNPRIVILEGED)
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function tryLogin(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  await client.query('select 1')
  await client.end()
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
