import * as module from 'node:module'
import { changeSource, findTail, meetingSymbol } from './rewrite.js'

interface LoadedModule {
  exports: unknown
}

/** Is told of a file that is of interest, as soon as it has been loaded; what it gives replaces the default export. */
export type Meetings = ReadonlyMap<string, (exports: never) => unknown>

interface ModuleInternals {
  prototype: { load: (this: LoadedModule, filename: string) => unknown }
}

interface Loaded {
  format?: string | null
  source?: string | Buffer | Uint8Array | ArrayBuffer | null
}

interface SyncHooks {
  registerHooks?: (hooks: {
    load(url: string, context: unknown, next: (url: string, context: unknown) => Loaded): Loaded
  }) => void
}

/** Sees the application's own copies of drivers and frameworks, by `require` and `import`, of any version. */
export function observeModules(meetings: Meetings): void {
  const met = new WeakSet<object>()
  const meet = (tail: string, loaded: LoadedModule): unknown => {
    const { exports } = loaded
    const isThing = (typeof exports === 'object' && exports !== null) || typeof exports === 'function'
    if (!isThing || met.has(exports)) return undefined
    met.add(exports)
    const instead = callMeeting(meetings, tail, exports)
    if (instead === undefined) return undefined
    met.add(instead)
    return (loaded.exports = instead)
  }
  // Appended lines call it, in whichever realm of modules they run.
  ;(globalThis as Record<symbol, unknown>)[meetingSymbol] = meet
  observeRequire(meetings, meet)
  observeImport()
}

/** A version that is built in another way is not watched; it is not broken either. */
function callMeeting(meetings: Meetings, tail: string, exports: object): object | undefined {
  try {
    return meetings.get(tail)?.(exports as never) as object | undefined
  } catch {
    return undefined
  }
}

function observeRequire(meetings: Meetings, meet: (tail: string, loaded: LoadedModule) => unknown): void {
  const { prototype } = module.Module as unknown as ModuleInternals
  const { load } = prototype
  prototype.load = function loadObserved(this: LoadedModule, filename: string) {
    const answer = load.call(this, filename)
    const tail = findTail(filename)
    if (tail !== undefined && meetings.has(tail)) meet(tail, this)
    return answer
  }
}

function observeImport(): void {
  const { registerHooks } = module as SyncHooks
  // In this thread where Node can (22.15 and later): the others pay a thread and a message for each import.
  if (registerHooks === undefined) return module.register('./hooks.js', import.meta.url)
  registerHooks({ load: (url, context, next) => changeSource(url, next(url, context)) })
}
