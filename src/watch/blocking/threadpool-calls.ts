// What fills the threads of libuv: calls of a few milliseconds and more, counted by who made them.

import crypto from 'node:crypto'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import zlib from 'node:zlib'
import { currentRequest, type RequestContext } from '../../core/early.js'

export interface PoolCall {
  name: string
  request: RequestContext | undefined
  /** `performance.now()` */
  since: number
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown

/** Long enough on a thread that counting them costs nothing beside. */
const names = {
  crypto: ['pbkdf2', 'scrypt', 'argon2', 'hkdf', 'generateKeyPair', 'generatePrime', 'checkPrime'],
  dns: ['lookup'],
  zlib: [
    'gzip',
    'gunzip',
    'deflate',
    'inflate',
    'brotliCompress',
    'brotliDecompress',
    'zstdCompress',
    'zstdDecompress',
  ],
} as const
const owners = { crypto, dns, zlib } as unknown as Record<keyof typeof names, Record<string, AnyFunction>>

const running = new Set<PoolCall>()
let users = 0
let restoreAll: (() => void)[] = []

/** Those under way, until the result is called. */
export function countPoolCalls(): () => void {
  if (users++ === 0) {
    restoreAll = (Object.keys(names) as (keyof typeof names)[]).flatMap((module) =>
      names[module].map((name) => hook(owners[module], name, `${module}.${name}`)),
    )
    syncBuiltinESMExports()
  }
  return () => {
    if (--users > 0) return
    for (const restore of restoreAll) restore()
    syncBuiltinESMExports()
    running.clear()
  }
}

/** Those that have been under way for so long: one that has just begun fills nothing. @unit ms */
export function countOld(ms: number): number {
  const now = performance.now()
  return [...running].filter(({ since }) => now - since >= ms).length
}

/** Grouped by what they are and whose, the most first. */
export function describePoolCalls(): { name: string; route: string; count: number }[] {
  const groups = new Map<string, { name: string; route: string; count: number }>()
  for (const { name, request } of running) {
    const route = request?.route ?? ''
    const group = groups.get(`${name} ${route}`) ?? { name, route, count: 0 }
    group.count++
    groups.set(`${name} ${route}`, group)
  }
  // Reads and writes of files, by promises or not, are known to Node only by their kind.
  const files = process.getActiveResourcesInfo().filter((kind) => kind.startsWith('FSReq')).length
  if (files > 1) groups.set('fs', { name: 'fs', route: '', count: files })
  return [...groups.values()].sort((a, b) => b.count - a.count)
}

function hook(owner: Record<string, AnyFunction>, name: string, label: string): () => void {
  const original = owner[name]
  if (typeof original !== 'function') return () => {}
  const counted = function (this: unknown, ...args: unknown[]): unknown {
    const callback = args.at(-1)
    if (typeof callback !== 'function') return Reflect.apply(original, this, args)
    const call = { name: label, request: currentRequest(), since: performance.now() }
    running.add(call)
    args[args.length - 1] = function (this: unknown, ...answer: unknown[]) {
      running.delete(call)
      return Reflect.apply(callback, this, answer) as unknown
    }
    try {
      return Reflect.apply(original, this, args)
    } catch (error) {
      // Its arguments were wrong: nothing was begun.
      running.delete(call)
      throw error
    }
  }
  // With what promisify() looks at: `dns.lookup` answers with two values.
  Object.defineProperties(counted, Object.getOwnPropertyDescriptors(original))
  owner[name] = counted
  return () => {
    if (owner[name] === counted) owner[name] = original
  }
}
