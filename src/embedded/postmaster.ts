import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { identifyProcess, isServerProcess, listServerProcesses, sendSignal } from './processes.js'
import { beginPatience, pollUntil, type Patience } from './waiting.js'

export interface Postmaster {
  pid: number
  port: number
  /** `starting`, `ready`, `stopping` */
  status: string
}

/** The server that works in this folder, as it describes itself in postmaster.pid; undefined when that file is stale. */
export async function findPostmaster(dataDir: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0 || !(await isServerProcess(pid, dataDir))) return undefined
  return { pid, port: Number(lines[3]), status: lines[7] ?? 'starting' }
}

/** Waits while the server that is there is still starting or stopping; undefined when there is none in the end. */
export async function awaitSettled(dataDir: string, patience: Patience): Promise<Postmaster | undefined> {
  const settled = await pollUntil(async () => {
    const found = await findPostmaster(dataDir)
    if (!found) return 'none'
    return found.status === 'ready' ? found : undefined
  }, patience)
  return settled === 'none' ? undefined : (settled ?? (await findPostmaster(dataDir)))
}

/**
 * Clears what a killed server left, under the folder's lock and knowing that no postmaster lives. The server itself
 * trusts a pid file whose number is in use, even by a text editor; and it rightly refuses while a backend of the dead
 * postmaster runs on, as one in the middle of a computation does until it next waits for something.
 */
export async function clearRemains(dataDir: string, patience: Patience): Promise<void> {
  const begun = performance.now()
  await pollUntil(async () => {
    const remains = await listServerProcesses(dataDir)
    const waitedMs = performance.now() - begun
    for (const pid of remains) {
      if (waitedMs > 2_000) sendSignal(pid, 'SIGKILL')
      else if (waitedMs > 300) sendSignal(pid, 'SIGQUIT')
    }
    return remains.length === 0 ? true : undefined
  }, patience)
  await rm(join(dataDir, 'postmaster.pid'), { force: true })
}

/** Fast shutdown, immediate after 3 s, kill after 4 s. Done when the process is gone; committed data survive each of these. */
export async function stopPostmaster(dataDir: string): Promise<void> {
  const found = await findPostmaster(dataDir)
  if (!found) return
  for (const [mode, waitMs] of [
    ['fast', 3_000],
    ['immediate', 1_000],
    ['kill', 1_000],
  ] as const) {
    await signalPostmaster(dataDir, found.pid, mode)
    const gone = await pollUntil(
      async () => ((await isServerProcess(found.pid, dataDir)) ? undefined : true),
      beginPatience(waitMs),
    )
    if (gone) return
  }
}

/**
 * The signals that pg_ctl would send. Not through pg_ctl, because `npm ci` in another terminal removes it while the
 * server runs; only Windows, which has no signals, needs it.
 */
async function signalPostmaster(dataDir: string, pid: number, mode: 'fast' | 'immediate' | 'kill'): Promise<void> {
  if (process.platform === 'win32' && mode !== 'kill') return stopWithPgCtl(dataDir, mode)
  const signal = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const
  sendSignal(pid, signal[mode])
  if (mode === 'kill') for (const rest of await listServerProcesses(dataDir)) sendSignal(rest, 'SIGKILL')
}

async function stopWithPgCtl(dataDir: string, mode: string): Promise<void> {
  const options = await readFile(join(dataDir, 'postmaster.opts'), 'utf8')
  const postgres = /^"?(.*?postgres(?:\.exe)?)"? /.exec(options)?.[1] ?? 'postgres'
  const pgCtl = postgres.replace(/postgres(\.exe)?$/, 'pg_ctl$1')
  await promisify(execFile)(pgCtl, ['stop', '-D', dataDir, '-m', mode, '-W'], { timeout: 5_000 })
}

/** Ends a server that we started and that is of no use, e.g. because the caller gave up. */
export async function endProcess(pid: number): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', 2_000],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 1_000],
  ] as const) {
    sendSignal(pid, signal)
    const gone = await pollUntil(async () => ((await identifyProcess(pid)) ? undefined : true), beginPatience(waitMs))
    if (gone) return
  }
}
