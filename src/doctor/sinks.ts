import type TS from 'typescript-5'
import type { Origin } from './imports.js'
import type { Project } from './project.js'
import { skipOuter } from './resolve-call.js'
import type { SourceIndex } from './source-index.js'
import type { RuleId } from './types.js'

export interface Sink {
  rule: RuleId
  /** As it is called in the source, such as `fs.readFileSync`. */
  name: string
  /** Whether one call is enough to be felt; else it is its number that counts. */
  isHeavy: boolean
  /** Why it costs, as a clause. */
  why: string
  fix: string
}

const files = new Set(['fs', 'fs-extra', 'graceful-fs', 'node-fs-extra', 'memfs'])
/** A system call that reads or writes no content: microseconds, on a network file system milliseconds. */
const light =
  /^(exists|access|stat|lstat|fstat|close|open|chmod|chown|utimes|lutimes|futimes|realpath|readlink|unlink|mkdir|mkdtemp|rename|symlink|link|rmdir|ensureDir|ensureFile|pathExists)Sync$/
const processes = new Set(['child_process', 'cross-spawn', 'execa', 'shelljs', 'zx'])
const passwords = new Set([
  'bcrypt',
  'bcryptjs',
  'bcrypt-nodejs',
  'bcrypt-ts',
  '@node-rs/bcrypt',
  '@node-rs/argon2',
  'argon2',
  'scryptsy',
])
const heavyCrypto = /^(pbkdf2|scrypt|generateKeyPair|generatePrime|checkPrime|argon2)Sync$/
/** Packages whose `sync` or `…Sync` walks the file system. */
const walkers = new Set([
  'glob',
  'globby',
  'fast-glob',
  'tinyglobby',
  'tiny-glob',
  'rimraf',
  'mkdirp',
  'del',
  'find-up',
  'locate-path',
  'which',
  'klaw-sync',
])
const keepers = new Set([
  'load-json-file',
  'write-json-file',
  'write-file-atomic',
  'proper-lockfile',
  'atomically',
  'jsonfile',
])
const compressors = new Set(['zlib', 'fflate', 'pako', 'brotli'])
/** Packages that hold the thread until an asynchronous answer has come. */
const synchronizers = new Set([
  'deasync',
  'deasync-promise',
  'sync-rpc',
  'sync-request',
  'sync-fetch',
  'sync-request-curl',
  'then-sync-request',
  'make-synchronous',
  'synckit',
  'readline-sync',
  'execSync',
])
/** Names that no other module has, for what nobody imports by its own name: `this.fs.readFileSync`. */
const fileCall =
  /^(readFile|writeFile|appendFile|exists|stat|lstat|readdir|mkdir|unlink|rm|cp|copyFile|rename|access)Sync$/

/** What a call holds the thread for; undefined: for nothing that is known. */
export function classifySink(
  project: Project,
  index: SourceIndex,
  call: TS.CallExpression | TS.NewExpression,
): Sink | undefined {
  const { ts } = project
  const callee = skipOuter(ts, call.expression)
  const imports = index.importsOf(call.getSourceFile())
  const origin = imports.find(callee)
  const sink = origin === undefined ? undefined : classifyOrigin(origin, call)
  if (sink !== undefined) return { ...sink, name: showName(ts, callee, origin as Origin) }
  if (ts.isPropertyAccessExpression(callee)) return classifyMember(project, callee, origin)
  if (ts.isIdentifier(callee)) return classifyMade(project, index, callee)
  return undefined
}

function classifyOrigin(
  { module, path }: Origin,
  call: TS.CallExpression | TS.NewExpression,
): Omit<Sink, 'name'> | undefined {
  const last = path
    .replace(/\.native$/, '')
    .split('.')
    .at(-1) as string
  if (synchronizers.has(module)) return module === 'synckit' ? undefined : waiting(module)
  if (!/Sync$|^sync$/.test(last) && !(module === 'shelljs' && last === 'exec')) return undefined
  const twin = last.replace(/Sync$/, '')
  if (files.has(module)) return describeFile(last)
  if (processes.has(module)) return describeProcess(last, call)
  if (module === 'crypto')
    return heavyCrypto.test(last) ? describeHash(`await promisify(crypto.${twin})(…)`) : undefined
  if (passwords.has(module)) return describeHash(`await ${module.split('/').at(-1) ?? module}.${twin}(…)`)
  if (compressors.has(module))
    return {
      ...blocking,
      isHeavy: true,
      why: 'it compresses on the event loop, for as long as the data are large',
      fix: `\`await promisify(zlib.${twin})(…)\`, or a stream: both work on libuv's threads.`,
    }
  if (keepers.has(module))
    return {
      ...blocking,
      isHeavy: true,
      why: 'it reads or writes files on the event loop',
      fix: `Await the asynchronous form of ${module}.`,
    }
  if (walkers.has(module))
    return {
      ...blocking,
      isHeavy: true,
      why: 'it walks the file system on the event loop',
      fix: `Await the asynchronous form of ${module}, or do it once when the process starts.`,
    }
  return undefined
}

function classifyMember(
  project: Project,
  callee: TS.PropertyAccessExpression,
  origin: Origin | undefined,
): Sink | undefined {
  const { ts, checker } = project
  const name = callee.name.text
  const receiver = callee.expression.getText()
  if (receiver === 'Atomics' && name === 'wait') return { ...waiting('Atomics.wait'), name: 'Atomics.wait' }
  if (origin !== undefined || !fileCall.test(name) || !/(^|\.)_?(fs|fse|fsExtra)$/.test(receiver)) return undefined
  // A class of the repository may have a method of that name.
  const declaration = checker.getSymbolAtLocation(callee.name)?.declarations?.[0]
  if (declaration !== undefined && !ts.isTypeElement(declaration)) return undefined
  return { ...describeFile(name), name: `fs.${name}` }
}

/** `const send = createSyncFn(…)`: each call of it waits for a worker. */
function classifyMade({ ts, checker }: Project, index: SourceIndex, callee: TS.Identifier): Sink | undefined {
  const symbol = checker.getSymbolAtLocation(callee)
  const declaration = symbol?.declarations?.[0]
  if (declaration === undefined || !ts.isVariableDeclaration(declaration)) return undefined
  const { initializer } = declaration
  if (initializer === undefined || !ts.isCallExpression(initializer)) return undefined
  const origin = index.importsOf(declaration.getSourceFile()).find(initializer.expression)
  if (origin === undefined || !synchronizers.has(origin.module)) return undefined
  return { ...waiting(origin.module), name: callee.text }
}

const blocking = { rule: 'doctor/sync-in-request' } as const

function describeFile(name: string): Omit<Sink, 'name'> {
  const twin = name.replace(/Sync$/, '')
  const isLight = light.test(name)
  const fix =
    name === 'existsSync'
      ? 'Do what needs the file and handle ENOENT, or `await access(…)` of node:fs/promises.'
      : `\`await ${twin}(…)\` of node:fs/promises; what does not change is read once when the process starts.`
  return {
    ...blocking,
    isHeavy: !isLight,
    why: isLight ? 'it waits for the file system' : 'it reads or writes files on the event loop',
    fix,
  }
}

function describeProcess(name: string, call: TS.CallExpression | TS.NewExpression): Omit<Sink, 'name'> {
  const isNetwork = /^['"`](curl|wget)\b/.test(call.arguments?.[0]?.getText() ?? '')
  if (isNetwork)
    return {
      ...waiting('a program that waits for the network'),
      fix: '`await fetch(url, { signal: AbortSignal.timeout(ms) })`.',
    }
  return {
    ...blocking,
    isHeavy: true,
    why: 'it waits for a whole process to start and to end',
    fix: `\`await promisify(execFile)(…)\` of node:child_process${name === 'execSync' ? ', which needs no shell either' : ''}.`,
  }
}

function describeHash(twin: string): Omit<Sink, 'name'> {
  return {
    ...blocking,
    isHeavy: true,
    why: 'it is made to be slow, tens to hundreds of milliseconds of the event loop',
    fix: `\`${twin}\`, inside of \`createLimiter\` of holdfast/overload: libuv has four threads for all of it.`,
  }
}

function waiting(what: string): Omit<Sink, 'name'> {
  return {
    rule: 'doctor/sync-over-async',
    isHeavy: true,
    why: `${what} holds the event loop until an answer has come`,
    fix: 'Await the asynchronous call, and let its callers be async.',
  }
}

function showName(ts: Project['ts'], callee: TS.Expression, { module, path }: Origin): string {
  if (path === '') return module
  if (path === 'sync') return `${module}.sync`
  return ts.isPropertyAccessExpression(callee) || path.includes('.') ? `${module}.${path}` : path
}
