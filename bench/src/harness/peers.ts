import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { ContestInput } from './types.js'

const folder = new URL('../../peers/', import.meta.url)
/** The peers need at least this Node. */
const OLDEST_NODE = [22, 18] as const

export interface Peers {
  /** The Node that all subjects run on. */
  execPath: string
  /** Exact versions of the peers that were asked for, and of that Node. */
  versions: Record<string, string>
}

/** Installs what bench/peers/package-lock.json pins; it is no part of the repository's own installation, which it would slow. */
export async function installPeers(
  names: readonly string[],
  { progress }: Pick<ContestInput, 'progress'>,
): Promise<Peers> {
  const missing = await findOutdated(names)
  if (missing.length > 0) {
    progress(`installing the peers (${missing.join(', ')}) into bench/peers`)
    await installFolder()
  }
  const execPath = await findNode()
  const versions: Record<string, string> = { node: await readNodeVersion(execPath) }
  for (const name of names) versions[name] = (await readManifest(`node_modules/${name}/`)).version
  return { execPath, versions }
}

async function findOutdated(names: readonly string[]): Promise<string[]> {
  const { dependencies } = await readManifest('')
  const outdated: string[] = []
  for (const name of names) {
    const installed = await readManifest(`node_modules/${name}/`).catch(() => undefined)
    if (installed?.version !== dependencies[name]) outdated.push(name)
  }
  return outdated
}

async function readManifest(path: string): Promise<{ version: string; dependencies: Record<string, string> }> {
  return JSON.parse(await readFile(new URL(`${path}package.json`, folder), 'utf8')) as never
}

/** Without install scripts: none of the peers needs one. What npm says goes to stderr, as stdout is the document's. */
async function installFolder(): Promise<void> {
  const args = [
    'ci',
    '--prefix',
    fileURLToPath(folder),
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const npm = spawn('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  const [code] = (await once(npm, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`npm ci in bench/peers ended with ${code}.`)
}

/** The pinned Node where there is one for this platform, else this process's if it is new enough. */
async function findNode(): Promise<string> {
  const pinned = fileURLToPath(new URL(`node_modules/node-${process.platform}-${process.arch}/bin/node`, folder))
  const isThere = await access(pinned).then(
    () => true,
    () => false,
  )
  if (isThere) return pinned
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [oldest, oldestMinor] = OLDEST_NODE
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return process.execPath
  throw new Error(`The peers need Node ${OLDEST_NODE.join('.')} or later; run the bench with one.`)
}

async function readNodeVersion(execPath: string): Promise<string> {
  const node = spawn(execPath, ['--print', 'process.versions.node'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  node.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(node, 'close')
  return output.trim()
}
