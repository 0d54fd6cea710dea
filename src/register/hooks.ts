// Runs in the thread of Node's module hooks (before 22.15), where nothing of the application is.

import { changeSource, findTail } from './rewrite.js'

interface Loaded {
  format: string
  source?: string | Buffer | Uint8Array | ArrayBuffer | null
}

export async function load(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context)
  return findTail(url) === undefined ? loaded : changeSource(url, loaded)
}
