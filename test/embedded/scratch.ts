import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { beforeAll } from 'vitest'
import { startEmbedded } from '../../src/embedded/index.js'

export const isRoot = process.getuid?.() === 0
export const nobody = { uid: 65534, gid: 65534 }
export const execute = promisify(execFile)

/** Gives `body` an empty folder; afterwards no process may be left that works in it. */
export async function withScratch(body: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-embedded-')))
  await chmod(scratch, 0o755)
  try {
    await body(scratch)
    const left = await until(async () => ((await listProcesses(scratch)).length === 0 ? [] : undefined), 6_000)
    if (!left) throw new Error(`Left behind: ${JSON.stringify(await listProcesses(scratch))}`)
  } finally {
    for (const { pid } of await listProcesses(scratch)) killHard(pid)
    for (const root of await listOutsideRoots(scratch)) await rm(root, { recursive: true, force: true })
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Asks until there is an answer; undefined after `ms`. */
export async function until<T>(ask: () => Promise<T | undefined>, ms = 10_000): Promise<T | undefined> {
  const end = performance.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > end) return undefined
    await sleep(40)
  }
}

export interface FoundProcess {
  pid: number
  kind: 'guardian' | 'postmaster' | 'backend' | 'other'
  command: string
}

/** Everything that works in or below the folder, or was told about it. */
export async function listProcesses(scratch: string): Promise<FoundProcess[]> {
  const folders = [scratch, ...(await listOutsideRoots(scratch))]
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const all = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => describeProcess(pid, folders)))
  return all.filter((found) => found !== undefined)
}

async function describeProcess(pid: number, folders: string[]): Promise<FoundProcess | undefined> {
  const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const command = raw.replaceAll('\0', ' ').trim()
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
  const concerned = folders.some((folder) => command.includes(folder) || cwd.startsWith(folder))
  if (!concerned || command === '') return undefined
  if (command.includes('guardian.js')) return { pid, kind: 'guardian', command }
  if (/postgres -D /.test(command)) return { pid, kind: 'postmaster', command }
  return { pid, kind: command.startsWith('postgres:') ? 'backend' : 'other', command }
}

export function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Pointers lie at most two folders down; looking further would read whole clusters at each poll. */
async function listOutsideRoots(scratch: string): Promise<string[]> {
  const below = async (folder: string) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))
  const first = await below(scratch)
  const second = (await Promise.all(first.map(below))).flat()
  const places = [...first, ...second].map((folder) => join(folder, 'data-location.json'))
  const texts = await Promise.all(places.map((place) => readFile(place, 'utf8').catch(() => undefined)))
  return texts.filter((text) => text !== undefined).map((text) => dirname((JSON.parse(text) as { data: string }).data))
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))
const makers = ['home.ts', 'cluster.ts', 'placement.ts'].map(
  (name) => new URL(`../../src/embedded/${name}`, import.meta.url),
)

/** A stopped cluster with one table, made once and kept between runs: copying it costs a fraction of an initdb. */
export function prepareSeed(): { copyTo(dir: string): Promise<string> } {
  const made = { folder: '' }
  beforeAll(async () => {
    const version = await readFile(new URL('../../package-lock.json', import.meta.url))
    const texts = await Promise.all(makers.map((url) => readFile(url)))
    const key = createHash('sha256')
      .update(Buffer.concat([version, ...texts]))
      .digest('hex')
      .slice(0, 12)
    made.folder = join(cache, `embedded-seed-${process.getuid?.() ?? 0}-${key}`)
    if (!(await isFolder(made.folder))) await makeSeed(made.folder)
  }, 60_000)
  return { copyTo: (dir) => copyTree(made.folder, dir) }
}

/** Made in the temporary folder, because the server's user may not be able to enter this checkout. */
async function makeSeed(target: string): Promise<void> {
  await withScratch(async (scratch) => {
    const dir = join(scratch, 'seed')
    const server = await startEmbedded({ dir })
    await query(server.url, 'create table kept as select 42 as answer')
    await server.stop()
    const draft = `${target}.${process.pid}`
    await copyTree(dir, draft)
    // Another worker may have been faster; its seed is as good.
    await rename(draft, target).catch(() => rm(draft, { recursive: true }))
  })
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

export async function copyTree(from: string, to: string): Promise<string> {
  await execute('cp', ['-a', from, to])
  return to
}
