import { prepareBinaries } from './binaries.js'
import { checkCluster, createCluster, hasCluster } from './cluster.js'
import { embeddedError } from './errors.js'
import { makePassword, readLastStart, readPassword, writeLastStart, type Home } from './home.js'
import { withLock } from './lock.js'
import { locateRoot, nameDataDir, placeRoot } from './placement.js'
import { awaitSettled, clearRemains, stopPostmaster, type Postmaster } from './postmaster.js'
import type { GuardianRequest } from './protocol.js'
import { countLive, register, unregister, type Registration } from './registrations.js'
import { startServer } from './server.js'
import { chooseUser } from './user.js'
import { beginPatience, limitPatience, type Patience } from './waiting.js'

export interface Joined {
  port: number
  dataDir: string
  shared: boolean
  password: string
}

const lockMs = 30_000

/** Registers, then joins the running server or starts one. Nobody else starts or stops it meanwhile. */
export async function joinServer(
  home: Home,
  request: GuardianRequest,
  registration: Registration,
  patience: Patience,
): Promise<Joined> {
  return withLock(home.lock, limitPatience(patience, lockMs), async () => {
    await countLive(home)
    await register(home, registration)
    const dataDir = nameDataDir(await locateRoot(home))
    const running = await awaitSettled(dataDir, patience)
    if (!running) return startFresh(home, request, patience)
    if (running.status !== 'ready') throw describeHung(home, running)
    await checkSuits(home, request, patience)
    return { port: running.port, dataDir, shared: true, password: await readPassword(home) }
  })
}

/** Unregisters; whoever leaves last stops the server. */
export async function leaveServer(home: Home, id: string): Promise<'stopped' | 'others remain'> {
  return withLock(home.lock, beginPatience(lockMs), async () => {
    await unregister(home, id)
    if ((await countLive(home)) > 0) return 'others remain'
    await stopPostmaster(nameDataDir(await locateRoot(home)))
    return 'stopped'
  })
}

async function startFresh(home: Home, request: GuardianRequest, patience: Patience): Promise<Joined> {
  const found = nameDataDir(await locateRoot(home))
  const user = await chooseUser(found, patience)
  const binaries = await prepareBinaries(request, user, patience)
  const root = await placeRoot(home, user, patience)
  const dataDir = nameDataDir(root)
  const exists = await hasCluster(root)
  const password = exists ? await readPassword(home) : await makePassword(home)
  if (exists) await checkCluster(dataDir, binaries)
  else await createCluster(root, binaries, user, password, patience)
  await clearRemains(dataDir, patience)
  const last = await readLastStart(home)
  const { settings } = request
  const port = await startServer({ home, dataDir, binaries, user, settings, lastPort: last?.port }, patience)
  await writeLastStart(home, { port, major: binaries.major, settings })
  return { port, dataDir, shared: false, password }
}

/** Joining a server that differs from what was asked for would be silently wrong. */
async function checkSuits(home: Home, request: GuardianRequest, patience: Patience): Promise<void> {
  const last = await readLastStart(home)
  const wrong = Object.entries(request.settings).filter(([name, value]) => last?.settings[name] !== value)
  if (wrong.length > 0)
    throw embeddedError(
      'HF_EMBEDDED_SETTINGS',
      `The running server was started without ${wrong.map(([name, value]) => `${name}=${value}`).join(', ')}.`,
      { details: { asked: Object.fromEntries(wrong), running: last?.settings } },
    )
  if (!request.binaries) return
  const { version, major } = await prepareBinaries(request, undefined, patience)
  if (major !== last?.major)
    throw embeddedError(
      'HF_EMBEDDED_DATA_VERSION',
      `The running server is PostgreSQL ${last?.major}, the binaries asked for are ${version}.`,
      { fix: 'Pass another `dir`, or stop the other process first.', details: { running: last?.major, version } },
    )
}

function describeHung(home: Home, { pid, status }: Postmaster) {
  return embeddedError('HF_EMBEDDED_START_TIMEOUT', `The server (process ${pid}) stays "${status}"; see ${home.log}.`, {
    details: { pid, status, log: home.log },
  })
}
