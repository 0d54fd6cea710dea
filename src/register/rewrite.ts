/** What the appended lines call: `(tail, { exports })`. */
export const meetingSymbol = Symbol.for('holdfast.register')

const call = (tail: string, exports: string) =>
  `globalThis[Symbol.for('holdfast.register')]?.(${JSON.stringify(tail)}, ${exports})`

const routers = {
  'smart-router': 'SmartRouter',
  'reg-exp-router': 'RegExpRouter',
  'trie-router': 'TrieRouter',
  'linear-router': 'LinearRouter',
  'pattern-router': 'PatternRouter',
}

/** Files of hono's routers, and the class in each. */
export const honoRouters: ReadonlyMap<string, string> = new Map(
  Object.entries(routers).flatMap(([folder, name]) => [
    [`hono/dist/router/${folder}/router.js`, name],
    [`hono/dist/cjs/router/${folder}/router.js`, name],
  ]),
)

/** Of CommonJS files, whose line is needed where a loader of somebody else compiles them past `Module.prototype.load`. */
const commonFiles = new Set([
  'pg/lib/client.js',
  'pg-pool/index.js',
  'postgres/cjs/src/index.js',
  'postgres/cjs/src/query.js',
  'express/lib/application.js',
  'koa/lib/application.js',
])

/** `pg/lib/client.js` of a path or an address anywhere below the last `node_modules`; undefined: of the application itself. */
export function findTail(path: string): string | undefined {
  const at = path.lastIndexOf('node_modules')
  return at < 0 ? undefined : path.slice(at + 13).replaceAll('\\', '/')
}

interface Loaded {
  format?: string | null
  source?: string | Buffer | Uint8Array | ArrayBuffer | null
}

/** The same file with a line more at its end, or with its default export handed over first. Lines keep their numbers. */
export function changeSource<T extends Loaded>(url: string, loaded: T): T {
  const tail = findTail(url)
  if (tail === undefined || loaded.source === undefined || loaded.source === null) return loaded
  const change = findChange(tail, loaded.format)
  return change === undefined ? loaded : { ...loaded, source: change(readText(loaded.source)) }
}

function findChange(tail: string, format: string | null | undefined): ((text: string) => string) | undefined {
  if (format === 'commonjs') {
    return commonFiles.has(tail) || honoRouters.has(tail) ? (text) => `${text}\n;${call(tail, 'module')}\n` : undefined
  }
  if (tail === 'postgres/src/index.js') {
    const handed = call(tail, '{ exports: { Postgres, Query } }')
    return (text) => text.replace(/^export default Postgres;?$/m, `export default ${handed} ?? Postgres`)
  }
  const router = honoRouters.get(tail)
  return router === undefined ? undefined : (text) => `${text}\n;${call(tail, `{ exports: { ${router} } }`)}\n`
}

function readText(source: NonNullable<Loaded['source']>): string {
  return typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8')
}
