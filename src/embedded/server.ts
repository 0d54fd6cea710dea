import { spawn, type ChildProcess } from 'node:child_process'
import { open } from 'node:fs/promises'
import { nameProgram, type Binaries } from './binaries.js'
import { describeCorrupt } from './cluster.js'
import { embeddedError } from './errors.js'
import { rotateLog, type Home } from './home.js'
import { measureLog, readReasons } from './log-lines.js'
import { proposePorts } from './port.js'
import { endProcess, findPostmaster } from './postmaster.js'
import { describeSpawn, type RunUser } from './run.js'
import { pollUntil, type Patience } from './waiting.js'

export interface ServerPlan {
  home: Home
  dataDir: string
  binaries: Binaries
  user: RunUser | undefined
  settings: Record<string, string>
  lastPort: number | undefined
}

type Outcome = { ready: true } | { ready: false; lines: string[] }

/** Starts the server on a free port of 127.0.0.1 and waits until it accepts connections. */
export async function startServer(plan: ServerPlan, patience: Patience): Promise<number> {
  await rotateLog(plan.home.log, 16 * 1024 * 1024)
  let refusals = 0
  for await (const port of proposePorts(plan.home.dir, plan.lastPort)) {
    const outcome = await launch(plan, port, patience)
    if (outcome.ready) return port
    if (isLostPortRace(outcome.lines) && refusals++ < 10) continue
    throw explainFailure(plan, outcome.lines)
  }
  throw embeddedError(
    'HF_EMBEDDED_START_FAILED',
    `None of the ports tried on 127.0.0.1 was free (${refusals} lost races).`,
  )
}

async function launch(plan: ServerPlan, port: number, patience: Patience): Promise<Outcome> {
  const logBegin = await measureLog(plan.home.log)
  const child = await spawnServer(plan, port)
  try {
    const ready = await pollUntil(() => lookAtStart(child, plan.dataDir), patience)
    if (ready === true) return { ready }
    const lines = await readReasons(plan.home.log, logBegin)
    if (ready === false) return { ready, lines }
    throw embeddedError(
      'HF_EMBEDDED_START_TIMEOUT',
      `The server (process ${child.pid}) was not ready in time; see ${plan.home.log}.\n${lines.join('\n')}`,
      { details: { pid: child.pid, log: plan.home.log } },
    )
  } catch (error) {
    if (child.pid !== undefined) await endProcess(child.pid)
    throw error
  }
}

async function spawnServer(plan: ServerPlan, port: number): Promise<ChildProcess> {
  const log = await open(plan.home.log, 'a', 0o600)
  try {
    const child = spawn(
      nameProgram(plan.binaries.root, 'postgres'),
      ['-D', plan.dataDir, ...listSettings(plan, port)],
      {
        ...describeSpawn(plan.user),
        // Its own session: Ctrl-C and a closed terminal must not reach it while others still use it.
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      },
    )
    // A failed spawn shows as a missing pid; without a listener it would end the guardian.
    child.on('error', () => undefined)
    child.unref()
    return child
  } finally {
    await log.close()
  }
}

/** The caller's settings may overrule our defaults, but not where the server listens and logs. */
function listSettings({ settings }: ServerPlan, port: number): string[] {
  const all = {
    max_connections: '200',
    ...settings,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    logging_collector: 'off',
    log_destination: 'stderr',
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function lookAtStart(child: ChildProcess, dataDir: string): Promise<boolean | undefined> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false
  const found = await findPostmaster(dataDir)
  return found?.pid === child.pid && found.status === 'ready' ? true : undefined
}

function isLostPortRace(lines: readonly string[]): boolean {
  return lines.some((line) => /could not (bind|create any TCP|create listen socket)|Address already in use/.test(line))
}

function explainFailure(plan: ServerPlan, lines: readonly string[]) {
  const text = lines.join('\n')
  const details = { dataDir: plan.dataDir, log: plan.home.log, lines }
  if (/No space left on device/.test(text))
    return embeddedError('HF_EMBEDDED_DISK_FULL', `The server found no space left:\n${text}`, { details })
  if (/initialized by PostgreSQL version|is not compatible with this version/.test(text))
    return embeddedError('HF_EMBEDDED_DATA_VERSION', `The server refuses the data in ${plan.dataDir}:\n${text}`, {
      details,
    })
  if (
    /PANIC:|checksum|checkpoint record|could not (read|open|access|stat) (file|directory)|invalid data in file|not a valid data directory|corrupt/.test(
      text,
    )
  )
    return describeCorrupt(plan.dataDir, 'the server could not start on them', lines)
  return embeddedError('HF_EMBEDDED_START_FAILED', `The server ended while starting; see ${plan.home.log}.\n${text}`, {
    details,
  })
}
