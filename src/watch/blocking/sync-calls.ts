// What runs in front of the synchronous calls of Node: it counts those that a request makes, and nothing else.

import childProcess from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import zlib from 'node:zlib'
import { currentRequest, type RequestContext } from '../../core/early.js'
import { noteCall } from './slow-calls.js'

/** A synchronous call that a request made, and that has ended. */
export type SyncCallSink = (name: string, ms: number, request: RequestContext) => void

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown

const owners: Readonly<Record<string, object>> = { fs, child_process: childProcess, crypto, zlib }
/** They take microseconds, and have no other form. */
const harmless = new Set(['randomFillSync'])

/** For all copies of holdfast in a process: two of them would count each call twice. */
const hooked = Symbol.for('holdfast.watch.sync-calls')
const sinks: Set<SyncCallSink> =
  ((globalThis as Record<symbol, unknown>)[hooked] as Set<SyncCallSink> | undefined) ?? new Set()
let restoreAll: (() => void) | undefined
/** Inside of one: what a call calls itself is its own affair. */
let isInside = false

/**
 * Tells of each call of `*Sync` of fs, child_process, crypto and zlib, and of `Atomics.wait`, that is made inside of a
 * request: at the start there is none. A function that somebody took out of its module before (`const { readFileSync } =
 * require('node:fs')`) is not seen, which is why `holdfast/register` comes first; what ES modules import is.
 */
export function hearSyncCalls(sink: SyncCallSink): () => void {
  sinks.add(sink)
  hookSyncCalls()
  return () => {
    sinks.delete(sink)
    if (sinks.size === 0) removeHooks()
  }
}

/** Stays until whoever hears them last has left. */
export function hookSyncCalls(): void {
  const global = globalThis as Record<symbol, unknown>
  if (global[hooked] !== undefined) return
  global[hooked] = sinks
  const restores: (() => void)[] = []
  for (const [module, owner] of Object.entries(owners))
    for (const name of Object.keys(owner))
      if (name.endsWith('Sync') && !harmless.has(name)) restores.push(hook(owner, name, `${module}.${name}`))
  restores.push(hook(Atomics, 'wait', 'Atomics.wait'))
  syncBuiltinESMExports()
  restoreAll = () => {
    for (const restore of restores) restore()
    syncBuiltinESMExports()
    delete global[hooked]
  }
}

/** Whoever hooked it after us goes on calling ours, which tells nobody. */
function removeHooks(): void {
  restoreAll?.()
  restoreAll = undefined
}

function hook(owner: object, name: string, label: string): () => void {
  const functions = owner as Record<string, AnyFunction>
  const original = functions[name]
  if (typeof original !== 'function') return () => {}
  const counted = function (this: unknown, ...args: unknown[]): unknown {
    if (isInside || sinks.size === 0) return Reflect.apply(original, this, args)
    isInside = true
    const startedAt = performance.now()
    try {
      return Reflect.apply(original, this, args)
    } finally {
      const endedAt = performance.now()
      isInside = false
      noteCall(label, startedAt, endedAt)
      const request = currentRequest()
      if (request !== undefined) for (const sink of sinks) sink(label, endedAt - startedAt, request)
    }
  }
  // Its name, its length, and what hangs on it, such as `realpathSync.native`.
  Object.defineProperties(counted, Object.getOwnPropertyDescriptors(original))
  functions[name] = counted
  return () => {
    if (functions[name] === counted) functions[name] = original
  }
}
