import { findSourceMap } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Frame } from './beat.js'

/** As V8 names files: by address, and those of CommonJS by path; with `--enable-source-maps` by the source that was built. */
const own = [...nameFolder('../../'), ...nameFolder('../../../src/')]
/** What the experiments run is an application, wherever it lies. */
const programs = [...nameFolder('../../prove/programs/'), ...nameFolder('../../../src/prove/programs/')]

function nameFolder(relative: string): readonly string[] {
  const { href } = new URL(relative, import.meta.url)
  return [href, fileURLToPath(href)]
}

/** Where something ran: the line itself, the application's line that led there, and what of Node's it called. */
export interface Place {
  at: Frame | undefined
  from: Frame | undefined
  builtin: string | undefined
}

/** Of a stack, the innermost frame first. */
export function findPlace(frames: readonly Frame[]): Place {
  const users = frames.filter(isUsers)
  const [at] = users
  const innermost = at === undefined ? frames : frames.slice(0, frames.indexOf(at))
  return {
    at,
    from: users.find(({ url }) => !url.includes('/node_modules/')),
    // The last of Node's frames before the application's is what it called.
    builtin: innermost.findLast(({ name }) => name !== '')?.name,
  }
}

export function isUsers({ url }: Frame): boolean {
  if (url === '' || /^(node|wasm):/.test(url)) return false
  const isIn = (folders: readonly string[]) => folders.some((folder) => url.startsWith(folder))
  return !isIn(own) || isIn(programs)
}

/** `audit (src/audit.js:5), called by handle (src/orders.js:41)` */
export function describePlace({ at, from }: Place): string {
  if (at === undefined) return 'no line could be read'
  return from === undefined || from === at ? formatFrame(at) : `${formatFrame(at)}, called by ${formatFrame(from)}`
}

/** The application's lines of a stack; frames of whoever was only passed through say nothing. */
export function describeStack(frames: readonly Frame[]): string[] {
  return frames.filter(isUsers).slice(0, 5).map(formatFrame)
}

function formatFrame(frame: Frame): string {
  return frame.name === '' ? formatPlace(frame) : `${frame.name} (${formatPlace(frame)})`
}

/** `src/audit.js:5`, below where the process runs. */
export function formatPlace(frame: Frame): string {
  const { url, line } = toSource(frame)
  return `${toPath(url).replace(`${process.cwd()}/`, '')}:${line}`
}

/** Of code that was compiled, the line somebody wrote: known where the process runs with `--enable-source-maps`. */
function toSource(frame: Frame): Pick<Frame, 'url' | 'line'> {
  if (!process.sourceMapsEnabled) return frame
  const map = findSourceMap(toPath(frame.url)) ?? findSourceMap(toUrl(frame.url))
  const entry = map?.findEntry(frame.line - 1, frame.column - 1)
  if (entry === undefined || !('originalSource' in entry)) return frame
  return { url: entry.originalSource, line: entry.originalLine + 1 }
}

/** Of CommonJS it is a path already. */
const toPath = (url: string): string => (url.startsWith('file:') ? fileURLToPath(url) : url)
const toUrl = (url: string): string => (url.startsWith('/') ? pathToFileURL(url).href : url)
