import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { nameProgram, prepareBinaries, type Binaries } from '../../src/embedded/binaries.js'
import { createCluster } from '../../src/embedded/cluster.js'
import { nameDataDir } from '../../src/embedded/placement.js'
import { proposePorts } from '../../src/embedded/port.js'
import { listServerProcesses } from '../../src/embedded/processes.js'
import { describeSpawn, runProgram, type RunUser } from '../../src/embedded/run.js'
import { chooseUser } from '../../src/embedded/user.js'
import { beginPatience, type Patience } from '../../src/embedded/waiting.js'
import { runAdmin } from './database.js'
import { eventually } from './eventually.js'

export type Settings = Readonly<Record<string, string>>

const START_MS = 30_000
const STANDBY_NAME = 'standby'

// fsync off survives `kill -9`, though not a power cut; the WAL kept spares the standby a replication slot.
const testSettings: Settings = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_keep_size: '128MB',
  max_connections: '100',
  shared_buffers: '16MB',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  logging_collector: 'off',
}

interface Ground {
  binaries: Binaries
  user: RunUser | undefined
  password: string
}

/** One PostgreSQL server in a folder of its own, that a test may kill, restart and promote. */
export class ReplicaServer {
  readonly port: number
  readonly dataDir: string
  readonly #ground: Ground
  #child: ChildProcess | undefined
  #log = ''

  constructor(ground: Ground, dataDir: string, port: number) {
    this.#ground = ground
    this.dataDir = dataDir
    this.port = port
  }

  /** As `connect({ hosts })` takes it. */
  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  get url(): string {
    return `postgres://postgres:${encodeURIComponent(this.#ground.password)}@${this.host}/postgres`
  }

  /** Resolves when it accepts connections, a standby too. */
  async start(settings: Settings = {}): Promise<void> {
    const { binaries, user } = this.#ground
    const all = Object.entries({ ...testSettings, ...settings, port: String(this.port) })
    const args = ['-D', this.dataDir, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
    const child = spawn(nameProgram(binaries.root, 'postgres'), args, {
      ...describeSpawn(user),
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      let log = ''
      const fail = () => reject(new Error(`The server on port ${this.port} did not start:\n${log.slice(-4_000)}`))
      const timer = setTimeout(fail, START_MS)
      child.stderr?.on('data', (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-20_000)
        this.#log = log
        if (/ready to accept (read-only )?connections/.test(log)) resolve()
      })
      child.once('error', reject)
      child.once('exit', fail)
      child.once('exit', () => clearTimeout(timer))
      child.stderr?.once('data', () => clearTimeout(timer))
    })
  }

  /** The end of what it wrote. */
  get log(): string {
    return this.#log
  }

  /** Like a machine that lost its power: postmaster and back ends at once, no goodbye to any client. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    const pids = [child.pid, ...(await listServerProcesses(this.dataDir))]
    for (const pid of new Set(pids)) killOne(pid)
    await exited
    // A back end that outlives its postmaster would keep the shared memory and with it the next start.
    await eventually(async () => {
      const left = await listServerProcesses(this.dataDir)
      for (const pid of left) killOne(pid)
      if (left.length > 0) throw new Error(`Still there: ${left.join(', ')}`)
    })
  }

  /** A fast shutdown: sessions are ended, a checkpoint is written. */
  async stop(): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    await exited
  }

  /** Resolves when it accepts writes on its new timeline. */
  async promote(): Promise<void> {
    await this.run('select pg_promote(true, 30)')
  }

  async run<T extends pg.QueryResultRow>(text: string, params: unknown[] = []): Promise<T[]> {
    return await runAdmin<T>(this.url, text, params)
  }
}

export interface Replication {
  primary: ReplicaServer
  standby: ReplicaServer
  /** Ends both servers and removes their data. */
  close(): Promise<void>
}

export interface ReplicationOptions {
  /** Of the superuser `postgres`, on both. */
  password?: string
  /** Of both servers. */
  settings?: Settings
  /** The primary's COMMIT waits until the standby shows the change: no acknowledged commit can be lost. Default: true. */
  synchronous?: boolean
}

/** A primary and its streaming standby from the embedded binaries. */
export async function openReplication({
  password = 'replication',
  settings = {},
  synchronous = true,
}: ReplicationOptions = {}): Promise<Replication> {
  const patience = beginPatience(60_000)
  const base = await mkdtemp(join(tmpdir(), 'holdfast-replication-'))
  // The server's own user must be able to enter what mkdtemp made for ours alone.
  await chmod(base, 0o755)
  const servers: ReplicaServer[] = []
  const close = async () => {
    await Promise.all(servers.map((server) => server.kill()))
    await rm(base, { recursive: true, force: true })
  }
  try {
    const user = await chooseUser(base, patience)
    const binaries = await prepareBinaries({ cwd: process.cwd(), dir: base }, user, patience)
    const ground = { binaries, user, password }
    const root = join(base, 'first')
    await mkdir(root)
    await createCluster(root, binaries, user, password, patience)
    const primary = new ReplicaServer(ground, nameDataDir(root), await takePort(root))
    servers.push(primary)
    await primary.start(settings)
    const standby = await copyStandby(ground, primary, join(base, 'second'), patience)
    servers.push(standby)
    await standby.start(settings)
    if (synchronous) await makeSynchronous(primary)
    return { primary, standby, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What pg_basebackup does, which the embedded package lacks: the copy is taken between two calls of one session. */
async function copyStandby(
  ground: Ground,
  primary: ReplicaServer,
  dataDir: string,
  patience: Patience,
): Promise<ReplicaServer> {
  const { user, password } = ground
  await mkdir(dataDir, { mode: 0o700 })
  if (user) await chown(dataDir, user.uid, user.gid)
  const session = new pg.Client({ connectionString: primary.url })
  await session.connect()
  try {
    await session.query(`select pg_backup_start('standby', true)`)
    const { code, output } = await runProgram('cp', ['-a', `${primary.dataDir}/.`, dataDir], user, patience)
    if (code !== 0) throw new Error(`The copy failed: ${output}`)
    const { rows } = await session.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
    await rm(join(dataDir, 'postmaster.pid'))
    const label = join(dataDir, 'backup_label')
    const signal = join(dataDir, 'standby.signal')
    await writeFile(label, rows[0]?.labelfile ?? '')
    await writeFile(signal, '')
    if (user) await Promise.all([label, signal].map((path) => chown(path, user.uid, user.gid)))
    const origin = `host=127.0.0.1 port=${primary.port} user=postgres password=${password} application_name=${STANDBY_NAME}`
    await appendFile(join(dataDir, 'postgresql.auto.conf'), `primary_conninfo = '${origin}'\n`)
  } finally {
    await session.end()
  }
  return new ReplicaServer(ground, dataDir, await takePort(dataDir))
}

async function makeSynchronous(primary: ReplicaServer): Promise<void> {
  await primary.run(`alter system set synchronous_standby_names = '${STANDBY_NAME}'`)
  await primary.run(`alter system set synchronous_commit = 'remote_apply'`)
  await primary.run('select pg_reload_conf()')
  await eventually(async () => {
    const rows = await primary.run(
      `select 1 from pg_stat_replication where sync_state = 'sync' and state = 'streaming'`,
    )
    if (rows.length === 0) throw new Error('The standby is not synchronous yet.')
  })
}

async function takePort(dir: string): Promise<number> {
  for await (const port of proposePorts(dir, undefined)) return port
  throw new Error('No port is free.')
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
