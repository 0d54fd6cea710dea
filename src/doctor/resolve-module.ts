import { dirname, join } from 'node:path'
import type { Compiler } from './compiler.js'

export interface Package {
  name: string
  folder: string
  /** Of package.json, as far as it names source. */
  entries: readonly string[]
  imports: Readonly<Record<string, unknown>>
}

export interface ResolverSettings {
  /** Of tsconfig: patterns with the targets they are tried at, absolute. */
  paths: readonly (readonly [pattern: string, targets: readonly string[]])[]
  baseUrl: string | undefined
  packages: readonly Package[]
  isFollowed: (path: string) => boolean
}

const endings = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx']
/** What a specifier ends with once it is compiled, and what it may have been before. */
const compiled = [
  [/\.js$/, ['.ts', '.tsx', '.js', '.jsx']],
  [/\.jsx$/, ['.tsx', '.jsx']],
  [/\.mjs$/, ['.mts', '.mjs']],
  [/\.cjs$/, ['.cts', '.cjs']],
] as const

/**
 * Finds the repository's own files only: a scan gives the same result with and without node_modules, and does not read
 * the declarations of hundreds of packages.
 */
export class ModuleResolver {
  private readonly found = new Map<string, string | undefined>()

  private readonly ts: Compiler
  private readonly settings: ResolverSettings

  constructor(ts: Compiler, settings: ResolverSettings) {
    this.ts = ts
    this.settings = settings
  }

  /** Undefined: a package of others, or a built-in. */
  resolve(specifier: string, from: string): string | undefined {
    const folder = dirname(from)
    const key = specifier.startsWith('.') || specifier.startsWith('#') ? `${folder}\0${specifier}` : specifier
    if (!this.found.has(key)) this.found.set(key, this.find(specifier, folder))
    return this.found.get(key)
  }

  private find(specifier: string, folder: string): string | undefined {
    if (specifier.startsWith('.')) return this.tryFile(join(folder, specifier))
    if (specifier.startsWith('/')) return this.tryFile(specifier)
    return this.tryPaths(specifier) ?? this.tryPackage(specifier, folder) ?? this.tryBase(specifier)
  }

  private tryPaths(specifier: string): string | undefined {
    for (const [pattern, targets] of this.settings.paths) {
      const rest = matchPattern(pattern, specifier)
      if (rest === undefined) continue
      for (const target of targets) {
        const file = this.tryFile(target.replace('*', rest))
        if (file !== undefined) return file
      }
    }
    return undefined
  }

  private tryBase(specifier: string): string | undefined {
    const { baseUrl } = this.settings
    return baseUrl === undefined ? undefined : this.tryFile(join(baseUrl, specifier))
  }

  /** Another package of the same repository, or what package.json names with `#`. */
  private tryPackage(specifier: string, folder: string): string | undefined {
    for (const { name, folder: at, entries, imports } of this.settings.packages) {
      if (specifier.startsWith('#') && folder.startsWith(at)) {
        const file = this.tryImports(imports, specifier, at)
        if (file !== undefined) return file
      }
      if (specifier === name) return this.tryFirst([...entries, 'src/index', 'index', 'src/main'], at)
      if (specifier.startsWith(`${name}/`)) {
        const inside = specifier.slice(name.length + 1)
        return this.tryFirst([inside, `src/${inside}`, inside.replace(/^(dist|lib|build)\//, 'src/')], at)
      }
    }
    return undefined
  }

  private tryImports(imports: Package['imports'], specifier: string, folder: string): string | undefined {
    for (const [pattern, target] of Object.entries(imports)) {
      const rest = matchPattern(pattern, specifier)
      if (rest === undefined) continue
      const places = listTargets(target).flatMap((each) => [each, each.replace(/\/(dist|lib|build)\//, '/src/')])
      const file = this.tryFirst(
        places.map((each) => each.replace('*', rest)),
        folder,
      )
      if (file !== undefined) return file
    }
    return undefined
  }

  private tryFirst(places: readonly string[], folder: string): string | undefined {
    for (const place of places) {
      const file = this.tryFile(join(folder, place))
      if (file !== undefined) return file
    }
    return undefined
  }

  private tryFile(path: string): string | undefined {
    for (const [ending, sources] of compiled)
      if (ending.test(path))
        for (const source of sources) {
          const candidate = path.replace(ending, source)
          if (this.isFile(candidate)) return candidate
        }
    if (this.isFile(path)) return path
    for (const ending of endings) if (this.isFile(path + ending)) return path + ending
    for (const ending of endings) if (this.isFile(join(path, `index${ending}`))) return join(path, `index${ending}`)
    return undefined
  }

  private isFile(path: string): boolean {
    return this.settings.isFollowed(path) && this.ts.sys.fileExists(path)
  }
}

function matchPattern(pattern: string, specifier: string): string | undefined {
  const [before = '', after] = pattern.split('*')
  if (after === undefined) return pattern === specifier ? '' : undefined
  if (!specifier.startsWith(before) || !specifier.endsWith(after)) return undefined
  return specifier.slice(before.length, specifier.length - after.length)
}

/** Of `exports` or `imports` of a package.json, whatever the conditions are. */
export function listTargets(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(listTargets)
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(listTargets)
  return []
}
