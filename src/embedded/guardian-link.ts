import { spawn, type ChildProcess } from 'node:child_process'
import { access, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { embeddedError } from './errors.js'
import type { Home } from './home.js'
import { decodeError, type GuardianReply, type GuardianRequest } from './protocol.js'
import { beginPatience, countRemainingMs } from './waiting.js'

export interface GuardianLink {
  reply: GuardianReply & { ok: true }
  /** Calls back when the guardian ends without having been asked to. */
  onLost(handler: () => void): void
  /** Leaves, and waits for the guardian's end. @throws HF_EMBEDDED_STOP_TIMEOUT */
  close(): Promise<void>
}

const closeMs = 5_000
// The guardian keeps the deadline itself; ours is for a guardian that hangs.
const graceMs = 5_000

export async function openGuardian(home: Home, request: GuardianRequest, signal?: AbortSignal): Promise<GuardianLink> {
  const child = await spawnGuardian(home)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const close = () => closeLink(child, ended)
  try {
    child.stdin?.write(`${JSON.stringify(request)}\n`)
    const reply = await awaitReply(child, request.startMs + graceMs, signal)
    if (!reply.ok) throw decodeError(reply.error)
    setReferenced(child, false)
    return { reply, close, onLost: (handler) => child.once('exit', handler) }
  } catch (error) {
    await close()
    throw error
  }
}

async function spawnGuardian(home: Home): Promise<ChildProcess> {
  const script = await findScript()
  const log = await open(home.guardianLog, 'a', 0o600)
  try {
    const child = spawn(process.execPath, [script, home.dir], {
      // Its own session: Ctrl-C in the terminal must not end it before it has cleaned up.
      detached: true,
      // Not the user's folder, which could then not be unmounted or, on Windows, deleted.
      cwd: dirname(script),
      env: makeGuardianEnv(),
      stdio: ['pipe', 'pipe', log.fd],
      windowsHide: true,
    })
    // Both show as the end of the guardian, which is handled; without listeners they would end the client.
    child.on('error', () => undefined)
    child.stdin?.on('error', () => undefined)
    return child
  } finally {
    await log.close()
  }
}

/** Beside this module once built; in the sources (tests) the built one of the package. */
async function findScript(): Promise<string> {
  const beside = fileURLToPath(new URL('./guardian.js', import.meta.url))
  const root = await findPackageRoot(dirname(beside))
  for (const script of [beside, root && join(root, 'dist', 'embedded', 'guardian.js')]) {
    if (script && (await isThere(script))) return script
  }
  throw embeddedError('HF_EMBEDDED_GUARDIAN', `${beside} does not exist.`)
}

async function findPackageRoot(folder: string): Promise<string | undefined> {
  if (await isThere(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  return parent === folder ? undefined : findPackageRoot(parent)
}

/** NODE_OPTIONS would load the user's instrumentation, or a debugger on a port that is taken, into the guardian. */
function makeGuardianEnv(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, NODE_CHANNEL_FD: _channel, ...kept } = process.env
  return kept
}

async function awaitReply(
  child: ChildProcess,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<GuardianReply> {
  const patience = beginPatience(waitMs)
  return new Promise<GuardianReply>((resolve, reject) => {
    let text = ''
    const abort = () =>
      settle(() => reject(embeddedError('HF_EMBEDDED_ABORTED', 'The start was aborted.', { cause: signal?.reason })))
    const timer = setTimeout(
      () =>
        settle(() =>
          reject(embeddedError('HF_EMBEDDED_START_TIMEOUT', `Guardian ${child.pid} did not answer in ${waitMs} ms.`)),
        ),
      countRemainingMs(patience),
    )
    const settle = (act: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      act()
    }
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      if (text.endsWith('\n')) settle(() => resolve(JSON.parse(text) as GuardianReply))
    })
    child.once('close', (code, by) =>
      settle(() =>
        reject(
          embeddedError('HF_EMBEDDED_GUARDIAN', `The guardian ended early (${by ?? code}).`, {
            fix: 'Start again; look into guardian.log if it recurs.',
          }),
        ),
      ),
    )
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}

async function closeLink(child: ChildProcess, ended: Promise<void>): Promise<void> {
  setReferenced(child, true)
  child.stdin?.destroy()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), closeMs)
  })
  const outcome = await Promise.race([ended, late])
  clearTimeout(timer)
  if (outcome !== 'late') return
  setReferenced(child, false)
  throw embeddedError('HF_EMBEDDED_STOP_TIMEOUT', `Guardian ${child.pid} was still busy after ${closeMs} ms.`, {
    details: { pid: child.pid, waitedMs: closeMs },
  })
}

/** An application that simply ends must not be kept alive by the server it forgot to stop. */
function setReferenced(child: ChildProcess, referenced: boolean): void {
  const handles = [child, child.stdin, child.stdout] as ({ ref?: () => void; unref?: () => void } | null)[]
  for (const handle of handles) {
    if (referenced) handle?.ref?.()
    else handle?.unref?.()
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
