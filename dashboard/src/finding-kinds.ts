/** Those that are not clear by their own words. */
const titles: Readonly<Record<string, string>> = {
  'blocked-loop': 'blocked event loop',
  'sync-call': 'synchronous call',
  'starved-threadpool': 'starved libuv threads',
  'starved-pool': 'starved connection pool',
  'unhandled-rejection': 'unhandled rejection',
  'outlived-request': 'work that outlived its request',
  'starved-machine': 'starved machine',
}

/** What keeps requests waiting although neither the CPU nor the database is busy for them. */
export const blockingKinds: ReadonlySet<string> = new Set(Object.keys(titles))

/** `plan-flip` as two words. */
export const nameKind = (kind: string): string => titles[kind] ?? kind.replaceAll('-', ' ')
