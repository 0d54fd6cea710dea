/**
 * What a server's source takes for granted, without the declarations of the DOM and of Node (90 MB of memory): only
 * what tells a promise from something else matters here.
 */
export const globalDeclarations = `
declare function fetch(...args: any[]): Promise<any>
declare function setTimeout(...args: any[]): any
declare function setInterval(...args: any[]): any
declare function setImmediate(...args: any[]): any
declare function clearTimeout(...args: any[]): void
declare function clearInterval(...args: any[]): void
declare function queueMicrotask(run: () => void): void
declare function structuredClone<T>(value: T): T
declare function require(name: string): any
declare var process: any, console: any, global: any, module: any, exports: any, __dirname: string, __filename: string
declare var performance: any, Buffer: any, URL: any, URLSearchParams: any, AbortController: any, AbortSignal: any
declare var TextEncoder: any, TextDecoder: any, Response: any, Request: any, Headers: any, Blob: any, FormData: any
declare var crypto: any, ReadableStream: any, WebSocket: any, Event: any, EventTarget: any
`

const files =
  'access appendFile chmod chown copyFile cp link lstat lutimes mkdir mkdtemp open opendir readdir readFile readlink realpath rename rm rmdir stat statfs symlink truncate unlink utimes writeFile'

function declarePromising(names: string): string {
  const list = names.split(' ')
  const functions = list.map((name) => `export declare function ${name}(...args: any[]): Promise<any>`)
  const members = list.map((name) => `${name}(...args: any[]): Promise<any>`)
  return `${functions.join('\n')}\nexport interface All { ${members.join('; ')} }\ndeclare const all: All\nexport default all\n`
}

/** Built-in modules whose functions give promises: a declaration of each, resolved in place of `@types/node`. */
export const builtInDeclarations: ReadonlyMap<string, string> = new Map([
  ['fs/promises', declarePromising(files)],
  ['timers/promises', declarePromising('setTimeout setImmediate')],
  ['stream/promises', declarePromising('pipeline finished')],
])
