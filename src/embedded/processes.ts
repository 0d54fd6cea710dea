import { execFile } from 'node:child_process'
import { readFile, readdir, readlink, realpath } from 'node:fs/promises'
import { promisify } from 'node:util'

/** A process, told apart from a later one that was given the same number. */
export interface ProcessId {
  pid: number
  /** Boot and start time; '' where the system does not tell, and then the number alone decides. */
  start: string
}

interface ProcessState extends ProcessId {
  name: string
}

const onLinux = process.platform === 'linux'
const execute = promisify(execFile)

export async function identifySelf(): Promise<ProcessId> {
  return (await identifyProcess(process.pid)) ?? { pid: process.pid, start: '' }
}

/** Who has this number now; undefined when nobody does. A zombie counts as gone: it holds nothing any more. */
export async function identifyProcess(pid: number): Promise<ProcessState | undefined> {
  if (!answersSignal(pid)) return undefined
  if (onLinux) return readProcFolder(pid)
  if (process.platform === 'win32') return { pid, start: '', name: '' }
  return askPs(pid)
}

export async function isAlive(id: ProcessId): Promise<boolean> {
  const now = await identifyProcess(id.pid)
  if (!now) return false
  return now.start === '' || id.start === '' || now.start === id.start
}

/** Is this number a server process that works in this data folder? A reused number is not. */
export async function isServerProcess(pid: number, dataDir: string): Promise<boolean> {
  const found = await identifyProcess(pid)
  if (!found) return false
  if (found.name !== '' && !/^postgres(\.exe)?$/.test(found.name)) return false
  if (!onLinux) return true
  // A folder we may not look at belongs to another user's process, and ours would not run as that user.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return cwd !== undefined && cwd === (await realpath(dataDir).catch(() => dataDir))
}

/** Server processes of this data folder, postmaster or not. Only Linux can be asked; elsewhere none are found. */
export async function listServerProcesses(dataDir: string): Promise<number[]> {
  if (!onLinux) return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const checked = await Promise.all(pids.map(async (pid) => ((await isServerProcess(pid, dataDir)) ? pid : 0)))
  return checked.filter((pid) => pid !== 0)
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // Gone between the look and the signal: what we wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function readProcFolder(pid: number): Promise<ProcessState | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  // Answers signals but is hidden (mounted with hidepid): alive, and nothing more is known.
  if (stat === undefined) return answersSignal(pid) ? { pid, start: '', name: '' } : undefined
  // The name may contain spaces and brackets, so fields are counted from the last bracket.
  const close = stat.lastIndexOf(')')
  const fields = stat.slice(close + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  // Ticks count from the boot: without the boot's id a process of the last boot could pass for one of this.
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '')
  return { pid, start: `${boot.slice(0, 8)}-${fields[19]}`, name: stat.slice(stat.indexOf('(') + 1, close) }
}

async function askPs(pid: number): Promise<ProcessState | undefined> {
  const args = ['-o', 'stat=,lstart=,comm=', '-p', String(pid)]
  const { stdout } = await execute('ps', args, { env: { ...process.env, LC_ALL: 'C' } }).catch(() => ({ stdout: '' }))
  const found = /^\s*(\S+)\s+(\S+ +\S+ +\d+ +[\d:]+ +\d+)\s+(.*\S)\s*$/.exec(stdout)
  if (!found) return answersSignal(pid) ? { pid, start: '', name: '' } : undefined
  const [, state = '', start = '', command = ''] = found
  if (state.startsWith('Z')) return undefined
  return { pid, start, name: command.slice(command.lastIndexOf('/') + 1) }
}
