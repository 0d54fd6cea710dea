import { readdir, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { doctorError } from './errors.js'

const sourceFile = /\.[cm]?[jt]sx?$/
/** Declarations, and what a machine wrote. */
const noSource = /\.d\.[cm]?ts$|\.min\.[cm]?js$|\.(gen|generated|bundle)\.[cm]?[jt]s$/
const skippedFolders = new Set(
  [
    'node_modules dist build out coverage vendor public static assets generated',
    'test tests __tests__ __mocks__ mock mocks fake fakes spec specs fixtures',
    'e2e cypress playwright stories bench benchmark benchmarks',
  ].flatMap((line) => line.split(' ')),
)
const testFile = /[.-](test|tests|spec|e2e|mock|stories|bench|fixture)\.[cm]?[jt]sx?$|(^|\/)(fake|mock)-[^/]+$/

/** Every source file of a server below `target`: no tests, no build output. @throws HF_DOCTOR_TARGET */
export async function listSources(target: string): Promise<string[]> {
  const path = resolve(target)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw doctorError('HF_DOCTOR_TARGET', `There is no "${target}".`)
  // A file that is named is read, also a test's; one that is no source would be told as free of faults.
  const files = found.isFile() ? [path].filter((each) => sourceFile.test(each)) : (await listFolder(path)).sort()
  if (files.length === 0)
    throw doctorError('HF_DOCTOR_TARGET', `"${target}" ${found.isFile() ? 'is' : 'holds'} no source file of a server.`)
  return files
}

async function listFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return isSkipped(entry.name) ? [] : await listFolder(path)
      return entry.isFile() && isSource(path) ? [path] : []
    }),
  )
  return lists.flat()
}

const isSkipped = (name: string): boolean => name.startsWith('.') || skippedFolders.has(name)
const isSource = (path: string): boolean => sourceFile.test(path) && !noSource.test(path) && !testFile.test(path)

/** May it be followed to from a scanned file? */
export function isFollowed(path: string, home: string): boolean {
  const inside = relative(home, path)
  if (inside.startsWith('..')) return false
  return isSource(path) && !inside.split(sep).some((name) => name === 'node_modules' || name === 'dist')
}

/** The repository: the nearest folder above with `.git`, else the uppermost one with a package.json, else the folder. */
export async function findHome(target: string): Promise<string> {
  const start = resolve(target)
  let home: string | undefined
  for (let folder = start; ; folder = dirname(folder)) {
    if (await exists(join(folder, '.git'))) return folder
    if (await exists(join(folder, 'package.json'))) home = folder
    if (folder === dirname(folder)) break
  }
  if (home !== undefined) return home
  return (await stat(start)).isFile() ? dirname(start) : start
}

/** The nearest file of a name in `folder` or above, not above `home`. */
export async function findUp(folder: string, name: string, home: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    if (await exists(join(at, name))) return join(at, name)
    if (at === home || at === dirname(at)) return undefined
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
