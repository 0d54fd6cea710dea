import { spawn } from 'node:child_process'
import { countRemainingMs, type Patience } from './waiting.js'

/** The unprivileged user that programs run as when we are root. */
export interface RunUser {
  name: string
  uid: number
  gid: number
}

export interface RunResult {
  /** null when it was killed or could not be started. */
  code: number | null
  /** stdout and stderr in the order they came, cut at 64 KB. */
  output: string
  /** Set when it could not be started at all. */
  failure?: NodeJS.ErrnoException
}

/** Spawn options that make a program run as `user`, from a folder that every user may be in. */
export function describeSpawn(user: RunUser | undefined) {
  const identity = user ? { uid: user.uid, gid: user.gid } : {}
  return { ...identity, cwd: '/', env: makeServerEnv(), windowsHide: true }
}

/** Runs a program to its end; never longer than patience lasts. */
export async function runProgram(
  file: string,
  args: readonly string[],
  user: RunUser | undefined,
  patience: Patience,
): Promise<RunResult> {
  const child = spawn(file, args, { ...describeSpawn(user), stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  const timer = setTimeout(kill, countRemainingMs(patience))
  patience.signal?.addEventListener('abort', kill)
  let output = ''
  const collect = (chunk: Buffer) => {
    if (output.length < 65_536) output += chunk.toString('utf8')
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  try {
    return await new Promise<RunResult>((resolve) => {
      child.on('error', (failure: NodeJS.ErrnoException) => resolve({ code: null, output, failure }))
      child.on('close', (code) => resolve({ code, output }))
    })
  } finally {
    clearTimeout(timer)
    patience.signal?.removeEventListener('abort', kill)
  }
}

/**
 * The caller's environment without what would change the server: PGDATA, PGPORT and PGOPTIONS are read by its
 * programs, and messages in another language could not be understood by us.
 */
function makeServerEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'))
  return { ...Object.fromEntries(kept), LC_ALL: 'C' }
}
