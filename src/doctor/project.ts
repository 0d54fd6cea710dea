import { readdir, readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type TS from 'typescript-5'
import { loadCompiler, type Compiler } from './compiler.js'
import { doctorError } from './errors.js'
import { builtInDeclarations, globalDeclarations } from './globals.js'
import { ModuleResolver, listTargets, type Package } from './resolve-module.js'
import { findHome, findUp, isFollowed, listSources } from './source-files.js'

export interface Project {
  ts: Compiler
  checker: TS.TypeChecker
  /** The scanned files and those of the repository that they lead to. */
  files: readonly TS.SourceFile[]
  isTarget: (file: TS.SourceFile) => boolean
  /** Does a specifier name a file of the repository? */
  isOwnModule: (specifier: string, from: string) => boolean
  /** As findings name it: relative to the working directory where that holds it, else to the repository. */
  showPath: (path: string) => string
  /** Relative to the repository, wherever the scan was started. */
  keyPath: (path: string) => string
}

/** Where declarations live that are in no file. */
const virtualFolder = '/holdfast-doctor-declarations'

/** @throws HF_DOCTOR_COMPILER_MISSING, HF_DOCTOR_TARGET, HF_DOCTOR_CONFIG */
export async function openProject(target: string): Promise<Project> {
  const names = await listSources(target)
  const ts = await loadCompiler()
  const home = await findHome(target)
  const [config, packages] = await Promise.all([
    readConfig(ts, dirname(names[0] as string), home),
    listPackages(home, dirname(names[0] as string)),
  ])
  const resolver = new ModuleResolver(ts, { ...config, packages, isFollowed: (path) => isFollowed(path, home) })
  const options = chooseOptions(ts, config.jsx)
  const host = createHost(ts, options, resolver)
  const program = ts.createProgram([join(virtualFolder, 'globals.d.ts'), ...names], options, host)
  const targets = new Set(names)
  const cwd = process.cwd()
  return {
    ts,
    checker: program.getTypeChecker(),
    files: program.getSourceFiles().filter(({ isDeclarationFile, fileName }) => !isDeclarationFile && isOwn(fileName)),
    isOwnModule: (specifier, from) => specifier.startsWith('.') || resolver.resolve(specifier, from) !== undefined,
    isTarget: (file) => targets.has(file.fileName) && !isMinified(file),
    showPath: (path) => showRelative(path, isInside(path, cwd) ? cwd : home),
    keyPath: (path) => showRelative(path, home),
  }
}

/** Bundled or minified: nobody reads it, and a line says nothing. */
const isMinified = (file: TS.SourceFile): boolean =>
  file.text.length > 5_000 && file.text.length / file.getLineStarts().length > 300

const isOwn = (path: string): boolean => !path.includes('/node_modules/')
const isInside = (path: string, folder: string): boolean => {
  const way = relative(folder, path)
  return !way.startsWith('..') && !isAbsolute(way)
}
const showRelative = (path: string, folder: string): string => relative(folder, path).split(sep).join('/')

/** No strictness, no declarations, nothing emitted: only what is needed to follow calls. */
function chooseOptions(ts: Compiler, jsx: TS.JsxEmit | undefined): TS.CompilerOptions {
  return {
    target: ts.ScriptTarget.ES2022,
    // JavaScript files may be of either kind, and only this one knows both.
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    esModuleInterop: true,
    allowJs: true,
    checkJs: false,
    jsx: jsx ?? ts.JsxEmit.Preserve,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
    skipLibCheck: true,
    noEmit: true,
    strict: false,
    experimentalDecorators: true,
    maxNodeModuleJsDepth: 0,
  }
}

function createHost(ts: Compiler, options: TS.CompilerOptions, resolver: ModuleResolver): TS.CompilerHost {
  const virtual = new Map([[join(virtualFolder, 'globals.d.ts'), globalDeclarations]])
  for (const [name, text] of builtInDeclarations) virtual.set(declarationOf(name), text)
  const host = ts.createCompilerHost(options, true)
  const read = host.getSourceFile.bind(host)
  host.getSourceFile = (name, language) => {
    const text = virtual.get(name)
    return text === undefined ? read(name, language) : ts.createSourceFile(name, text, language)
  }
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const builtIn = text.replace(/^node:/, '')
      const path = builtInDeclarations.has(builtIn) ? declarationOf(builtIn) : resolver.resolve(text, from)
      return { resolvedModule: path === undefined ? undefined : { resolvedFileName: path, extension: endOf(ts, path) } }
    })
  host.resolveTypeReferenceDirectiveReferences = (all) => all.map(() => ({ resolvedTypeReferenceDirective: undefined }))
  return host
}

const declarationOf = (builtIn: string): string => join(virtualFolder, `${builtIn.replace('/', '-')}.d.ts`)

function endOf(ts: Compiler, path: string): string {
  const known = Object.values(ts.Extension) as string[]
  return known.find((each) => path.endsWith(each)) ?? '.ts'
}

interface Config {
  paths: (readonly [string, readonly string[]])[]
  baseUrl: string | undefined
  jsx: TS.JsxEmit | undefined
}

/** Of the nearest tsconfig, with what it extends; where it only refers to projects, of all of them. */
async function readConfig(ts: Compiler, folder: string, home: string): Promise<Config> {
  const file = (await findUp(folder, 'tsconfig.json', home)) ?? (await findUp(folder, 'jsconfig.json', home))
  return file === undefined ? { paths: [], baseUrl: undefined, jsx: undefined } : readConfigFile(ts, file, new Set())
}

function readConfigFile(ts: Compiler, file: string, seen: Set<string>): Config {
  seen.add(file)
  const { config, error } = ts.readConfigFile(file, (path) => ts.sys.readFile(path))
  if (error !== undefined)
    throw doctorError('HF_DOCTOR_CONFIG', `${file}: ${ts.flattenDiagnosticMessageText(error.messageText, ' ')}`)
  // The files it lists are of no interest, and looking for them would walk through node_modules.
  const host = { ...ts.sys, readDirectory: () => [] }
  const { options } = ts.parseJsonConfigFileContent(config, host, dirname(file), undefined, file)
  const base = options.baseUrl ?? (options['pathsBasePath'] as string | undefined) ?? dirname(file)
  const paths = Object.entries(options.paths ?? {}).map(
    ([pattern, targets]) => [pattern, targets.map((each) => resolve(base, each))] as const,
  )
  const found: Config = { paths, baseUrl: options.baseUrl, jsx: options.jsx }
  const references = (config as { references?: { path: string }[] }).references ?? []
  for (const { path } of references) {
    const at = resolve(dirname(file), path)
    const next = at.endsWith('.json') ? at : join(at, 'tsconfig.json')
    if (seen.has(next) || !ts.sys.fileExists(next)) continue
    const more = readConfigFile(ts, next, seen)
    found.paths.push(...more.paths)
    found.baseUrl ??= more.baseUrl
    found.jsx ??= more.jsx
  }
  return found
}

const mostDepth = 3

/** The packages of the repository, found by their package.json: a workspace may not be installed. */
async function listPackages(home: string, start: string): Promise<Package[]> {
  const packages: Package[] = []
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    if (entries.some(({ name }) => name === 'package.json')) {
      const read = await readPackage(folder)
      if (read !== undefined) packages.push(read)
    }
    if (depth === mostDepth) return
    const folders = entries.filter((each) => each.isDirectory() && !/^(\.|node_modules$|dist$)/.test(each.name))
    await Promise.all(folders.map(async ({ name }) => await walk(join(folder, name), depth + 1)))
  }
  await walk(home, 0)
  // The nearest first: `#` names are those of the package that a file is in.
  return packages.sort(
    (a, b) =>
      Number(isInside(start, b.folder)) - Number(isInside(start, a.folder)) || b.folder.length - a.folder.length,
  )
}

async function readPackage(folder: string): Promise<Package | undefined> {
  try {
    const json = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
    const entries = [json['source'], json['types'], json['module'], json['main']]
      .filter((each) => typeof each === 'string')
      .concat(listTargets((json['exports'] as Record<string, unknown> | undefined)?.['.'] ?? json['exports']))
      .flatMap((each) => [each, each.replace(/(^|\/)(dist|lib|build|out)\//, '$1src/')])
    const imports = (json['imports'] ?? {}) as Record<string, unknown>
    return { name: typeof json['name'] === 'string' ? json['name'] : '', folder, entries, imports }
  } catch {
    // A package.json that is none, such as a template: it names nothing.
    return undefined
  }
}
